import Messaging
import ServiceLifecycle
import Web
import Wire

/// What operators do with events that could not be applied: see them, try them again as they are or edited, put them aside; and the record of all that.
///
/// Every consumer keeps its own dead letters; this is the desk in front of all of them. It is put together after the consumers.
public struct DeadLetterService: Sendable {
    private let listing: DeadLetterListing
    private let changes: DeadLetterChanges
    private let actions: AdminActionListing
    private let bulk: DeadLetterBulkRedrive
    private let bulkRequests: DeadLetterBulkRequests
    private let keys: IdempotentWrite

    /// - Parameters:
    ///   - desks: one per consumer.
    ///   - environment: that of Operations, which has every order's timeline.
    public init(desks: [any DeadLetterDesk], environment: ServiceEnvironment) {
        let desks = DeadLetterDesks(desks)
        let now: @Sendable () -> Timestamp = { environment.context.now }
        bulk = DeadLetterBulkRedrive(
            desks: desks, database: environment.database, context: environment.context, logger: environment.logger, isAlone: environment.role.isAlone)
        listing = DeadLetterListing(desks: desks, timeline: environment.database, now: now)
        changes = DeadLetterChanges(desks: desks)
        actions = AdminActionListing(desks: desks)
        bulkRequests = DeadLetterBulkRequests(desks: desks, bulk: bulk, now: now)
        keys = IdempotentWrite(database: environment.database, context: environment.context)
    }

    /// Its operations, below `/api/v1`.
    public var routes: [Route] {
        [
            Route(.get, "/admin/dead-letters", .listDeadLetters, access: .operators, listing.list),
            Route(.get, "/admin/dead-letters/{id}", .getDeadLetter, access: .operators, listing.show),
            Route(.delete, "/admin/dead-letters/{id}", .archiveDeadLetter, access: .administrators, changes.archive),
            Route(.post, "/admin/dead-letters/{id}/redrive", .redriveDeadLetter, access: .administrators, changes.redrive),
            Route(.post, "/admin/dead-letters/{id}/dry-run", .rehearseDeadLetter, access: .administrators, changes.rehearse),
            Route(.post, "/admin/dead-letters/{id}/edit-and-redrive", .editDeadLetter, access: .administrators, changes.edit),
            Route(.post, "/admin/dead-letters/redrive", .startRedrive, access: .administrators, bulkRequests.start),
            Route(.get, "/admin/dead-letters/redrives", .listRedrives, access: .operators, bulkRequests.list),
            Route(.get, "/admin/dead-letters/redrives/{run}", .getRedrive, access: .operators, bulkRequests.show),
            Route(.delete, "/admin/dead-letters/redrives/{run}", .stopRedrive, access: .administrators, bulkRequests.stop),
            Route(.get, "/admin/actions", .listActions, access: .operators, actions.list),
        ].map { $0.once(per: keys) }
    }

    /// The worker of bulk redrives.
    public var runners: [any Service] { [bulk] }
}

/// All consumers' desks, by name.
struct DeadLetterDesks: Sendable {
    let all: [any DeadLetterDesk]

    init(_ desks: [any DeadLetterDesk]) { all = desks.sorted { $0.consumer < $1.consumer } }

    subscript(consumer: String) -> (any DeadLetterDesk)? { all.first { $0.consumer == consumer } }

    /// The desks that a list is about.
    func of(_ consumer: String?) -> [any DeadLetterDesk] { consumer.map { name in all.filter { $0.consumer == name } } ?? all }

    var names: String { all.map(\.consumer).joined(separator: ", ") }

    /// The desk and the event that a request's path names.
    func named(by request: WebRequest) throws(Problem) -> (any DeadLetterDesk, Identifier) {
        guard let id = request.parameters["id"].flatMap({ DeadLetterID($0) }), let desk = self[id.consumer] else { throw Problem.notFound("dead letter") }
        return (desk, id.eventID)
    }
}
