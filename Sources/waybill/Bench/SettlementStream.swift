import WaybillClient
import Wire

/// Follows the events that end orders over one connection, and tells the board.
///
/// Reads lines itself: the type and the order's id are all that is needed of an event.
struct SettlementStream: Sendable {
    /// Each order ends with one of these.
    static let types = ["OrderConfirmed", "OrderCancelled", "OrderFailed"]
    let http: HTTPClient
    let board: SettlementBoard

    /// Runs until the task is cancelled; a lost connection is opened anew behind the last event.
    func run() async {
        var lastID: String?
        while !Task.isCancelled {
            try? await follow(&lastID)
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private func follow(_ lastID: inout String?) async throws {
        var headers = [("accept", "text/event-stream")]
        if let lastID { headers.append(("last-event-id", lastID)) }
        var isConfirmed = false
        let path = WaybillAPI.path("/events/stream", [("type", SettlementStream.types.joined(separator: ","))])
        for try await line in http.lines(path, headers: headers) {
            switch line.utf8.first {
            case UInt8(ascii: "i"): lastID = String(line.dropFirst(line.hasPrefix("id: ") ? 4 : 3))
            case UInt8(ascii: "e"): isConfirmed = line.hasSuffix("OrderConfirmed")
            case UInt8(ascii: "d"):
                guard let id = JSONScan.identifier("orderId", in: line) else { continue }
                board.settle(id, .init(at: .now, isConfirmed: isConfirmed))
            default: break
            }
        }
    }
}
