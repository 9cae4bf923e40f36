import Contracts
import WaybillClient
import Wire

/// Prints an order's timeline while it unfolds.
struct TimelineWatch {
    let api: WaybillAPI
    let id: OrderID
    /// Event bodies, one a line, instead of text.
    let isJSON: Bool
    /// Only waits.
    var isSilent = false

    /// Follows the order until it is settled and everything up to its present version was shown, for an order may have gone on long ago.
    ///
    /// A lost connection is opened again behind the last event, for up to a minute without any event.
    func untilSettled() async throws {
        let version = try await api.order(id).version
        var begin: Timestamp?
        var lastID: String?
        var lastSeen = ContinuousClock.now
        while true {
            do {
                for try await event in api.follow(id, lastEventID: lastID) {
                    lastID = event.id
                    lastSeen = .now
                    guard let line = TimelineLine(event) else { continue }
                    begin = begin ?? line.time
                    show(line, event, since: begin)
                    if let status = line.newStatus, status.isSettled, (line.version ?? 0) >= version { return }
                    if line.type == OrderReserved.type { try await noteOffline() }
                }
            } catch let error as ClientError where error.isTransient && ContinuousClock.now - lastSeen < .seconds(60) {
                if !isSilent { Output.note("The connection was lost; following again.") }
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private func show(_ line: TimelineLine, _ event: ServerSentEvent, since begin: Timestamp?) {
        if isSilent { return }
        if isJSON { Output.line(event.data) } else { Output.line(line.text(since: begin, style: Output.style)) }
    }

    /// Nothing more comes by itself for an order that is paid elsewhere.
    private func noteOffline() async throws {
        guard !isSilent, !isJSON, try await api.order(id).json["paymentMethod"]?.string == "offline" else { return }
        Output.note("Waiting for the payment to be recorded: waybill orders status \(id) PAID")
    }
}
