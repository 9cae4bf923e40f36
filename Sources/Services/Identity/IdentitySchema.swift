import Messaging
import Storage

/// The tables of Identity. No secret is in them as it is given out, but the private keys, which nothing but this service reads.
enum IdentitySchema {
    static let migrations = [
        Migration(version: 1, name: "keys, clients, users, API keys, logins", statements: MessagingSchema.statements + statements),
        MessagingSchema.administration(version: 2), MessagingSchema.replicas(version: 3), MessagingSchema.deadLetterTopics(version: 4),
        Migration(version: 5, name: "revocations of tokens", statements: RevocationTable.statements),
    ]

    private static let statements = [
        // The number decides which of two processes makes the next key.
        """
        CREATE TABLE signing_keys (number {int} PRIMARY KEY, id {text} NOT NULL UNIQUE, pem {text} NOT NULL, created_at {int} NOT NULL,
        active_from {int} NOT NULL, revoked_at {int}) {clustered}
        """,
        """
        CREATE TABLE clients (row_id {id} PRIMARY KEY, name {text} NOT NULL UNIQUE, secret {bytes} NOT NULL, roles {text} NOT NULL, scopes {text},
        created_at {int} NOT NULL, created_by {text} NOT NULL, revoked_at {int}) {clustered}
        """,
        """
        CREATE TABLE users (row_id {id} PRIMARY KEY, name {text} NOT NULL UNIQUE, password {text} NOT NULL, subject {text} NOT NULL, roles {text} NOT NULL,
        scopes {text}, created_at {int} NOT NULL, created_by {text} NOT NULL) {clustered}
        """,
        """
        CREATE TABLE api_keys (id {id} PRIMARY KEY, name {text} NOT NULL, secret {bytes} NOT NULL, subject {text} NOT NULL, roles {text} NOT NULL,
        scopes {text}, created_at {int} NOT NULL, created_by {text} NOT NULL, expires_at {int}, revoked_at {int}, last_used_at {int}) {clustered}
        """,
        """
        CREATE TABLE logins (id {id} PRIMARY KEY, user_name {text} NOT NULL, client {text}, scopes {text}, began_at {int} NOT NULL, expires_at {int} NOT NULL,
        revoked_at {int}, revoked_because {text}) {clustered}
        """,
        "CREATE INDEX logins_by_user ON logins (user_name)",
        "CREATE INDEX logins_by_end ON logins (expires_at)",
        "CREATE TABLE refresh_tokens (digest {bytes} PRIMARY KEY, login {id} NOT NULL, issued_at {int} NOT NULL, used_at {int}) {clustered}",
        "CREATE INDEX refresh_tokens_by_login ON refresh_tokens (login)",
    ]
}
