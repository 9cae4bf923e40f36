import Wire

/// A dead letter as lists and answers show it.
public struct DeadLetterView: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    /// Its name in URLs, `{consumer}:{eventId}`.
    public let id: String
    /// Who could not apply it.
    public let consumer: String
    /// The event's id.
    public let eventID: Identifier
    /// The order that the event is about.
    public let orderID: Identifier
    /// The event's type.
    public let type: String
    /// `open`, `redriven` or `archived`.
    public let state: String
    /// Counts the letter's changes, from 1.
    public let version: Int64
    /// How often it was tried.
    public let attempts: Int64
    /// Why the last attempt failed.
    public let error: String
    /// When it was given up.
    public let diedAt: Timestamp

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.string("id")
        consumer = try json.string("consumer")
        eventID = try json.identifier("eventId")
        orderID = try json.identifier("orderId")
        type = try json.string("type")
        state = try json.string("state")
        version = try json.integer("version")
        attempts = try json.integer("attempts")
        error = try json.string("error")
        diedAt = try json.timestamp("diedAt")
    }
}

/// Which dead letters are meant.
public struct DeadLetterSelection: Sendable, Equatable {
    /// Only those of this consumer.
    public var consumer: String?
    /// Only events of this type.
    public var type: String?
    /// A part of the error's text.
    public var error: String?
    /// Only those of this order.
    public var orderID: Identifier?
    /// An age such as `2h`.
    public var olderThan: String?
    /// An age such as `2h`.
    public var youngerThan: String?
    /// All of them.
    public init() {}

    /// Whether anything narrows it down.
    public var isNarrow: Bool { self != DeadLetterSelection() }

    fileprivate var query: [(String, String?)] {
        [
            ("consumer", consumer), ("type", type), ("error", error), ("orderId", orderID?.description), ("olderThan", olderThan),
            ("youngerThan", youngerThan),
        ]
    }

    fileprivate func write(to json: inout JSONWriter) {
        json.optional("consumer", consumer)
        json.optional("type", type)
        json.optional("error", error)
        json.optional("orderId", orderID)
        json.optional("olderThan", olderThan)
        json.optional("youngerThan", youngerThan)
    }
}

/// How far a redrive of many dead letters is.
public struct DeadLetterRunView: Sendable {
    /// Everything that the server said.
    public let json: JSONObject
    /// The run's id.
    public let id: Identifier
    /// `running`, `finished`, `stopped`, `cancelled` or `interrupted`.
    public let state: String
    /// How many letters it is about.
    public let total: Int64
    /// How many were applied.
    public let redriven: Int64
    /// How many failed again.
    public let failed: Int64
    /// How many somebody else had closed meanwhile, or stand behind one that failed.
    public let skipped: Int64
    /// The last failure; nil for none.
    public let lastError: String?

    /// Reads one as the server writes it. Throws `JSONMismatch` for anything else.
    public init(_ json: JSONObject) throws {
        self.json = json
        id = try json.identifier("id")
        state = try json.string("state")
        total = try json.integer("total")
        redriven = try json.integer("redriven")
        failed = try json.integer("failed")
        skipped = try json.integer("skipped")
        lastError = try json.optionalString("lastError")
    }
}

extension WaybillAPI {
    private static let deadLetters = "/admin/dead-letters"

    /// Every dead letter of a selection, page after page, at most `limit`.
    /// - Parameter state: `open`, `redriven`, `archived` or `all`.
    public func eachDeadLetter(
        _ selection: DeadLetterSelection, state: String = "open", limit: Int = .max, _ body: (DeadLetterView) throws -> Void
    ) async throws {
        var (cursor, rest): (String?, Int) = (nil, limit)
        repeat {
            let size = min(rest, WaybillAPI.largestPage)
            let json = try await get(WaybillAPI.deadLetters, selection.query + [("state", state), ("limit", String(size)), ("cursor", cursor)])
            let page = try decode(WaybillAPI.deadLetters) { try json.objects("items").map(DeadLetterView.init) }
            for letter in page { try body(letter) }
            rest -= page.count
            cursor = try json.optionalString("nextCursor")
        } while cursor != nil && rest > 0
    }

    /// `GET /admin/dead-letters?groupBy=error`: counted by consumer, type and error.
    public func deadLetterGroups(_ selection: DeadLetterSelection, state: String = "open") async throws -> JSONObject {
        try await get(WaybillAPI.deadLetters, selection.query + [("state", state), ("groupBy", "error")])
    }

    /// `GET /admin/dead-letters/{id}`: with the event, its attempts and the order's timeline in `json`.
    public func deadLetter(_ id: String) async throws -> DeadLetterView {
        let path = WaybillAPI.path(of: id)
        let json = try await get(path)
        return try decode(path) { try DeadLetterView(json) }
    }

    /// `POST /admin/dead-letters/{id}/redrive`.
    public func redrive(_ id: String, note: String? = nil, actor: String? = nil) async throws -> DeadLetterView {
        try await change("POST", WaybillAPI.path(of: id) + "/redrive", JSONWriter.object { $0.optional("note", note) }, actor)
    }

    /// `POST /admin/dead-letters/{id}/edit-and-redrive`.
    /// - Parameter version: the version of the letter that the event was taken from.
    public func editAndRedrive(
        _ id: String, event: JSONObject, version: Int64?, note: String? = nil, actor: String? = nil
    ) async throws -> DeadLetterView {
        let body = JSONWriter.object { json in
            json.key("event")
            json.value(.object(event))
            if let version { json.member("version", version) }
            json.optional("note", note)
        }
        return try await change("POST", WaybillAPI.path(of: id) + "/edit-and-redrive", body, actor)
    }

    /// `POST /admin/dead-letters/{id}/dry-run`: what would be written and told.
    /// - Parameter event: an edited event; nil for the one that lies there.
    public func rehearse(_ id: String, event: JSONObject? = nil) async throws -> JSONObject {
        let body = JSONWriter.object { json in
            guard let event else { return }
            json.key("event")
            json.value(.object(event))
        }
        return try await send("POST", WaybillAPI.path(of: id) + "/dry-run", body: body)
    }

    /// `DELETE /admin/dead-letters/{id}?reason=`.
    public func archive(_ id: String, reason: String, actor: String? = nil) async throws -> DeadLetterView {
        try await change("DELETE", WaybillAPI.path(of: id) + "?reason=\(WaybillAPI.percentEncoded(reason))", [], actor)
    }

    /// `POST /admin/dead-letters/redrive` with `preview`: how many there are, by error.
    public func previewRedrive(_ selection: DeadLetterSelection, rate: Int) async throws -> JSONObject {
        let body = JSONWriter.object { json in
            selection.write(to: &json)
            json.member("rate", rate)
            json.member("preview", true)
        }
        return try await send("POST", WaybillAPI.deadLetters + "/redrive", body: body)
    }

    /// `POST /admin/dead-letters/redrive`: begins in the background.
    public func startRedrive(_ selection: DeadLetterSelection, rate: Int, stopAfter: Int, actor: String? = nil) async throws -> DeadLetterRunView {
        let body = JSONWriter.object { json in
            selection.write(to: &json)
            json.member("rate", rate)
            json.member("stopAfter", stopAfter)
            if !selection.isNarrow { json.member("all", true) }
        }
        let path = WaybillAPI.deadLetters + "/redrive"
        let json = try await administer("POST", path, body, actor)
        return try decode(path) { try DeadLetterRunView(json) }
    }

    /// `GET /admin/dead-letters/redrives/{run}`.
    public func redriveRun(_ id: Identifier) async throws -> DeadLetterRunView {
        let path = WaybillAPI.deadLetters + "/redrives/\(id)"
        let json = try await get(path)
        return try decode(path) { try DeadLetterRunView(json) }
    }

    /// `GET /admin/dead-letters/redrives`: the last runs, newest first.
    public func redriveRuns() async throws -> [DeadLetterRunView] {
        let path = WaybillAPI.deadLetters + "/redrives"
        let json = try await get(path)
        return try decode(path) { try json.objects("items").map(DeadLetterRunView.init) }
    }

    /// `DELETE /admin/dead-letters/redrives/{run}`: ends a run; what was redriven stays so.
    public func stopRedrive(_ id: Identifier) async throws -> DeadLetterRunView {
        let path = WaybillAPI.deadLetters + "/redrives/\(id)"
        let json = try await send("DELETE", path)
        return try decode(path) { try DeadLetterRunView(json) }
    }

    /// `GET /admin/actions`: one page of what administrators did, newest first.
    public func actions(
        actor: String? = nil, action: String? = nil, subject: String? = nil, limit: Int = 50, cursor: String? = nil
    ) async throws -> JSONObject {
        try await get("/admin/actions", [("actor", actor), ("action", action), ("subject", subject), ("limit", String(limit)), ("cursor", cursor)])
    }

    private static func path(of id: String) -> String { "\(deadLetters)/\(percentEncoded(id))" }

    private func change(_ method: String, _ path: String, _ body: [UInt8], _ actor: String?) async throws -> DeadLetterView {
        let json = try await administer(method, path, body, actor)
        return try decode(path) { try DeadLetterView(json) }
    }

    /// A request in somebody's name.
    private func administer(_ method: String, _ path: String, _ body: [UInt8], _ actor: String?) async throws -> JSONObject {
        var request = WaybillAPI.request(method, path, body: body)
        if let actor { request.headers.append(("x-waybill-actor", actor)) }
        return try await object(request, retry: .once)
    }
}
