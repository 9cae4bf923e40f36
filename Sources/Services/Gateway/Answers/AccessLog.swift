import HTTPTypes
import Logging
import Synchronization
import Web
import Wire

/// One record for each request that was answered.
///
/// It has the route's pattern and neither path nor query, in which clients put what nobody should read later (RELIABILITY, S16). What clients wrote (their names, their
/// programs') is cut short; the handler of the log makes it harmless.
struct AccessLog: Sendable {
    /// Who sent a request, as it becomes known while it is handled.
    final class Sender: Sendable {
        private let principal = Mutex<Principal?>(nil)
        func isKnown(as principal: Principal?) { self.principal.withLock { $0 = principal } }
        var subject: String? { principal.withLock { $0?.subject } }
    }

    /// What is recorded of a request.
    struct Entry {
        let id: Identifier
        let request: HTTPRequest
        let route: String
        let address: IPAddress?
        let sender: Sender?
        let answer: WebResponse
        let elapsed: Duration
    }

    private static let longest = 200

    private let mode: AccessLogMode
    private let logger: Logger

    init(_ mode: AccessLogMode, logger: Logger) {
        var own = logger
        // Who wants the record wants it whatever else is too much for him.
        own.logLevel = .info
        (self.mode, self.logger) = (mode, own)
    }

    /// A place for the sender's name; nil where nobody wants to know it.
    var sender: Sender? { mode == .off ? nil : Sender() }

    func record(_ entry: @autoclosure () -> Entry) {
        if mode == .off { return }
        let entry = entry()
        let status = entry.answer.status.code
        if mode == .errors, status < 400 { return }
        let (seconds, attoseconds) = entry.elapsed.components
        var metadata: Logger.Metadata = [
            "request": "\(entry.id)", "method": "\(entry.request.method.rawValue)", "route": "\(entry.route)", "status": "\(status)",
            "microseconds": "\(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)",
        ]
        switch entry.answer.body {
        case _ where entry.request.method == .head: metadata["bytes"] = "0"
        case .bytes(let bytes): metadata["bytes"] = "\(bytes.count)"
        case .stream: metadata["bytes"] = "stream"
        }
        if let address = entry.address { metadata["client"] = "\(address)" }
        if let subject = entry.sender?.subject { metadata["subject"] = "\(AccessLog.short(subject))" }
        if let agent = entry.request.headerFields[.userAgent] { metadata["agent"] = "\(AccessLog.short(agent))" }
        logger.info("request", metadata: metadata)
    }

    private static func short(_ text: String) -> String { text.utf8.count <= longest ? text : String(text.unicodeScalars.prefix(longest)) + "..." }
}
