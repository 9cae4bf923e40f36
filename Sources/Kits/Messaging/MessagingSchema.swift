import Storage

/// The tables that the runtime keeps in every service's database, next to the service's own: a state change, its outbox rows, its inbox rows and its
/// jobs are one transaction because they are one database (promise S7).
public enum MessagingSchema {
    /// The statements of a service's first migration that make them.
    public static let statements = [
        "CREATE TABLE outbox (sequence {serial}, type {text} NOT NULL, key {id} NOT NULL, body {bytes} NOT NULL) {heap}",
        "CREATE TABLE inbox (event_id {id} PRIMARY KEY) {clustered}",
        "CREATE TABLE positions (source {text} PRIMARY KEY, sequence {int} NOT NULL) {clustered}",
        """
        CREATE TABLE parked (number {serial}, event_id {id} NOT NULL UNIQUE, key {id} NOT NULL, type {text} NOT NULL, body {bytes} NOT NULL,
        attempts {int} NOT NULL, due_at {int} NOT NULL, error {text} NOT NULL, parked_at {int} NOT NULL) {heap}
        """,
        "CREATE INDEX parked_by_key ON parked (key, number)",
        """
        CREATE TABLE dead_letters (event_id {id} PRIMARY KEY, key {id} NOT NULL, type {text} NOT NULL, topic {text} NOT NULL, body {bytes} NOT NULL,
        attempts {int} NOT NULL, error {text} NOT NULL, parked_at {int} NOT NULL, died_at {int} NOT NULL) {clustered}
        """,
        """
        CREATE TABLE jobs (id {id} PRIMARY KEY, kind {text} NOT NULL, key {id} NOT NULL, payload {text} NOT NULL, attempts {int} NOT NULL,
        due_at {int} NOT NULL, error {text}) {clustered}
        """,
        "CREATE TABLE timers (due_at {int} NOT NULL, kind {text} NOT NULL, key {id} NOT NULL, PRIMARY KEY (due_at, kind, key)) {clustered}",
        """
        CREATE TABLE idempotency_keys (scope {text} NOT NULL, key {text} NOT NULL, fingerprint {bytes} NOT NULL, status {int} NOT NULL, location {text},
        body {bytes} NOT NULL, created_at {int} NOT NULL, PRIMARY KEY (scope, key)) {clustered}
        """,
    ]

    /// The step that adds what operators need: attempts that are counted before they are made, dead letters with a state, and the record of what
    /// administrators did. The same statements for every service.
    /// - Parameter version: the number of the step among the service's own.
    public static func administration(version: Int) -> Migration {
        Migration(
            version: version, name: "attempts, dead letters with a state, administrators' actions",
            statements: [
                "CREATE TABLE runs (id {int} PRIMARY KEY CHECK (id = 1), began_at {int} NOT NULL) {clustered}",
                """
                CREATE TABLE attempts (event_id {id} NOT NULL, attempt {int} NOT NULL CHECK (attempt > 0), at {int} NOT NULL, error {text},
                PRIMARY KEY (event_id, attempt)) {clustered}
                """,
                "ALTER TABLE dead_letters ADD COLUMN state {int} NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2)",
                "ALTER TABLE dead_letters ADD COLUMN version {int} NOT NULL DEFAULT 1",
                "ALTER TABLE dead_letters ADD COLUMN error_group {text} NOT NULL DEFAULT ''",
                "ALTER TABLE dead_letters ADD COLUMN original {bytes}",
                "ALTER TABLE dead_letters ADD COLUMN closed_at {int}",
                "ALTER TABLE dead_letters ADD COLUMN closed_by {text}",
                "ALTER TABLE dead_letters ADD COLUMN closed_because {text}",
                "UPDATE dead_letters SET error_group = error",
                "CREATE INDEX dead_letters_by_state ON dead_letters (state, died_at)",
                "CREATE INDEX dead_letters_by_key ON dead_letters (key, state)",
                """
                CREATE TABLE admin_actions (id {id} PRIMARY KEY, at {int} NOT NULL, actor {text} NOT NULL, action {text} NOT NULL, subject {text} NOT NULL,
                before {text}, after {text}) {clustered}
                """,
                "CREATE INDEX admin_actions_by_subject ON admin_actions (subject, id)",
            ])
    }

    /// The step that adds what several processes on one database need: claims on a broker's partitions, leases, and the topic of what is published elsewhere than
    /// its type's events are. The same statements for every service.
    /// - Parameter version: the number of the step among the service's own.
    public static func replicas(version: Int) -> Migration {
        Migration(
            version: version, name: "claims, leases, the topic of outbox rows",
            statements: [
                "ALTER TABLE outbox ADD COLUMN topic {text}",
                "CREATE TABLE claims (place {text} PRIMARY KEY, epoch {int} NOT NULL, owner {text} NOT NULL) {clustered}",
                "CREATE TABLE leases (name {text} PRIMARY KEY, owner {text} NOT NULL, epoch {int} NOT NULL, ends_at {int} NOT NULL) {clustered}",
            ])
    }
    /// The step that adds what dead letters say at a broker: the topic by which a parked event came, and the headers of outbox rows beyond those of every event. The same
    /// statements for every service.
    /// - Parameter version: the number of the step among the service's own.
    public static func deadLetterTopics(version: Int) -> Migration {
        Migration(
            version: version, name: "the topic of parked events, the headers of outbox rows",
            statements: ["ALTER TABLE parked ADD COLUMN topic {text}", "ALTER TABLE outbox ADD COLUMN headers {text}"])
    }
}
