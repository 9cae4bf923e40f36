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
}
