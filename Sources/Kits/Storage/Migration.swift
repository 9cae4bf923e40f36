/// One step of a schema: versioned, checksummed, forward only, owned by one service.
///
/// The SQL is written once for all engines with these words in braces: types `{id}` (UUID), `{int}` (64 bits), `{text}`, `{bytes}`; `{serial}` (a primary
/// key that counts up and never gives a number out twice); `{now}` (the database's clock, milliseconds since 1970); table endings `{heap}` and `{clustered}` (kept in the order of its primary key where the engine can).
public struct Migration: Sendable {
    /// Counts from 1 without gaps.
    public let version: Int
    /// What the step is for.
    public let name: String
    /// The statements, in order.
    public let statements: [String]

    /// A step of these statements.
    public init(version: Int, name: String, statements: [String]) {
        (self.version, self.name, self.statements) = (version, name, statements)
    }

    /// FNV-1a (64 bits) of name and statements: a step that was applied may never be edited.
    public var checksum: Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for text in [name] + statements {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xFF) &* 0x100_0000_01b3
        }
        return Int64(bitPattern: hash)
    }

    /// A step that an earlier start has applied, as the database remembers it.
    public struct Applied: Sendable, Equatable {
        public let version: Int
        public let owner: String
        public let checksum: Int64
        public init(version: Int, owner: String, checksum: Int64) {
            (self.version, self.owner, self.checksum) = (version, owner, checksum)
        }
    }

    /// The steps still to be applied, after the applied ones have been checked.
    /// - Throws: ``MigrationError``.
    public static func pending(_ migrations: [Migration], applied: [Applied], owner: String) throws(MigrationError) -> [Migration] {
        for (index, migration) in migrations.enumerated() where migration.version != index + 1 { throw .gap(expected: index + 1, found: migration.version) }
        for step in applied {
            guard step.owner == owner else { throw .foreign(owner: step.owner, opener: owner) }
            guard step.version <= migrations.count else { throw .newer(version: step.version, known: migrations.count) }
            guard step.checksum == migrations[step.version - 1].checksum else { throw .edited(version: step.version, name: migrations[step.version - 1].name) }
        }
        return migrations.filter { migration in !applied.contains { $0.version == migration.version } }
    }
}

/// A schema that this program must not touch.
public enum MigrationError: Error, Equatable, CustomStringConvertible {
    case gap(expected: Int, found: Int)
    case foreign(owner: String, opener: String)
    case newer(version: Int, known: Int)
    case edited(version: Int, name: String)

    public var description: String {
        switch self {
        case .gap(let expected, let found): "migrations must count up from 1: expected \(expected), found \(found)"
        case .foreign(let owner, let opener): "this database belongs to the service \"\(owner)\", not to \"\(opener)\": check the configuration"
        case .newer(let version, let known):
            "the database is at schema version \(version), this program knows up to \(known): start the newer program, schemas only go forward"
        case .edited(let version, let name): "migration \(version) (\(name)) differs from the one that was applied: add a new migration instead of editing it"
        }
    }
}

/// What an engine calls the types and clauses that migrations and statements leave open.
public struct Dialect: Sendable {
    private let words: [(String, String)]

    /// A dialect with these words, keyed without braces.
    public init(_ words: [String: String]) { self.words = words.map { ("{\($0.key)}", $0.value) }.sorted { $0.0 < $1.0 } }

    /// Text with every word in braces replaced.
    public func render(_ text: String) -> String {
        guard text.contains("{") else { return text }
        var out = ""
        var rest = text[...]
        while let brace = rest.firstIndex(of: "{") {
            out += rest[..<brace]
            rest = rest[brace...]
            if let word = words.first(where: { rest.hasPrefix($0.0) }) {
                out += word.1
                rest = rest.dropFirst(word.0.count)
            } else {
                out.append("{")
                rest = rest.dropFirst()
            }
        }
        return out + rest
    }
}
