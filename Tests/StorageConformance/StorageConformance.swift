import Storage
import Testing

/// What the storage port promises to services, as checks that every adapter's tests run against their own engine:
///
///     @Test("keeps what the port promises", arguments: StorageConformance.allCases)
///     func conforms(_ promise: StorageConformance) async throws { try await promise.check { try subject(maximumWaiting: $0) } }
///
/// A check reports through Swift Testing, so it may be called from a test only. Each makes a database of its own.
public enum StorageConformance: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case visibility = "an acknowledged commit is visible to every later read and write"
    case isolationOfFailures = "a closure that throws undoes its own changes only, and each caller gets its own result"
    case manyWriters = "a thousand concurrent writers are all counted"
    case groupCommit = "writes that wait share a transaction"
    case commitActions = "commit actions run in the order of the commits, before the callers go on, and never for what was rolled back"
    case readsBesideTheWriter = "a read neither waits for an open write transaction nor sees it"
    case consistentReads = "a read sees one state, whatever is committed meanwhile"
    case conflicts = "an insert that meets an existing key can do nothing, and the count says so"
    case conditionalUpdates = "a conditional update counts the rows that it changed"
    case serials = "a serial key is never given out twice, also when the highest was deleted"
    case constraints = "a violated constraint is an error of its own kind and leaves the database usable"
    case values = "values of every kind come back as they went in"
    case parameters = "parameters go by their numbers, in any order and more than once"
    case wrongParameters = "a statement with too few parameters fails and traps nobody"
    case rows = "a statement runs once per set of parameters, in order, and can be left early"
    case questions = "rows that are asked for without waiting are handed over with the next answer, in order, as they were when they were asked for"
    case migrationsOnce = "a migration is applied once"
    case migrationsAtomic = "a migration that fails leaves nothing behind"
    case migrationsRefused = "an edited, foreign, newer or missing migration is refused"
    case closing = "closing finishes what is queued and refuses what comes later"
    case overload = "more writes than the bound are refused, the others are done"

    public var testDescription: String { rawValue }

    /// Makes an empty database; the argument is the most writes that may wait, nil for the engine's own bound.
    public typealias Make = @Sendable (_ maximumWaiting: Int?) throws -> StorageSubject

    /// Runs the check.
    public func check(_ make: Make) async throws {
        switch self {
        case .visibility: try await visibility(make(nil))
        case .isolationOfFailures: try await isolationOfFailures(make(nil))
        case .manyWriters: try await manyWriters(make(nil))
        case .groupCommit: try await groupCommit(make(nil))
        case .commitActions: try await commitActions(make(nil))
        case .readsBesideTheWriter: try await readsBesideTheWriter(make(nil))
        case .consistentReads: try await consistentReads(make(nil))
        case .conflicts: try await conflicts(make(nil))
        case .conditionalUpdates: try await conditionalUpdates(make(nil))
        case .serials: try await serials(make(nil))
        case .constraints: try await constraints(make(nil))
        case .values: try await values(make(nil))
        case .parameters: try await parameters(make(nil))
        case .wrongParameters: try await wrongParameters(make(nil))
        case .rows: try await rows(make(nil))
        case .questions: try await questions(make(nil))
        case .migrationsOnce: try await migrationsOnce(make(nil))
        case .migrationsAtomic: try await migrationsAtomic(make(nil))
        case .migrationsRefused: try await migrationsRefused(make(nil))
        case .closing: try await closing(make(nil))
        case .overload: try await overload(make(3))
        }
    }
}

/// A database under test, and what the checks must know of its engine.
public struct StorageSubject: Sendable {
    /// The database.
    public let database: any Database
    /// How many writes wait for the writer: a check waits for it instead of for time.
    public let waitingWrites: @Sendable () -> Int
    /// Whether reads run beside the writer; a database in memory may have one connection only.
    public let readsBesideWriter: Bool

    /// A subject.
    public init(_ database: any Database, readsBesideWriter: Bool, waitingWrites: @escaping @Sendable () -> Int) {
        (self.database, self.readsBesideWriter, self.waitingWrites) = (database, readsBesideWriter, waitingWrites)
    }
}
