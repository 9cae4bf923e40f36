import CCurl
import NIOCore
import NIOHTTP1

/// One request on a handle of libcurl and what comes back, told by callbacks on the thread that carries it.
final class Transfer {
    enum Purpose {
        case exchange(Exchange, TransferPlace)
        case stream(StreamCall, StreamTransfer)
    }

    /// A whole response; nil for a stream, which has got it piece by piece.
    typealias Outcome = Result<ClientResponse?, any Error>

    /// Most bytes of a response's header.
    private static let maximumHeaderBytes = 64 << 10

    let purpose: Purpose
    /// The end of all waiting; nil for a stream that has begun.
    private(set) var deadline: NIODeadline?
    /// Whether it must have a connection that nobody has used.
    let afresh: Bool
    private(set) var handle: UnsafeMutableRawPointer?
    private var list: UnsafeMutablePointer<curl_slist>?
    /// What libcurl says of a failure.
    let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    private var fields = HTTPHeaders()
    private var headerBytes = 0
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []
    private var maximumBodyBytes = Int.max
    private var isPaused = false
    /// How often the request was sent, which libcurl does again when a kept connection turns out closed.
    private(set) var sendings = 0
    /// Why this side let the transfer go.
    private(set) var refusal: ClientError?

    init(_ purpose: Purpose, deadline: NIODeadline, afresh: Bool = false) {
        (self.purpose, self.deadline, self.afresh) = (purpose, deadline, afresh)
        words.pointee = 0
    }

    deinit {
        curl_slist_free_all(list)
        words.deallocate()
    }

    var exchange: Exchange? { if case .exchange(let exchange, _) = purpose { exchange } else { nil } }
    var stream: StreamTransfer? { if case .stream(_, let stream) = purpose { stream } else { nil } }

    var isRepeatable: Bool { exchange?.request.mayBeRepeated ?? false }

    /// What libcurl's success means.
    var outcome: Outcome {
        guard let head else { return .failure(ClientError.malformedResponse("it has no header")) }
        return .success(exchange == nil ? nil : ClientResponse(head: head, body: body))
    }

    /// Nothing of the response has come, and every connection that was tried had been used before.
    var wasOnKeptConnectionsOnly: Bool { head == nil && headerBytes == 0 && handle.map { waybill_curl_info_long($0, CURLINFO_NUM_CONNECTS) == 0 } ?? false }

    /// Sets a handle's options. False if libcurl does not know one: it would be a guard that does not stand.
    func prepare(_ handle: UnsafeMutableRawPointer, _ settings: TransferSettings) -> Bool {
        self.handle = handle
        maximumBodyBytes = settings.limits.bodyBytes
        let options = TransferOptions(self, settings)
        list = options.headerList()
        return options.set(handle, list)
    }

    /// Reads on after a pause.
    func readOn() {
        guard isPaused, let handle else { return }
        isPaused = false
        _ = curl_easy_pause(handle, CURLPAUSE_CONT)
    }
}

/// What libcurl calls while it performs.
extension Transfer {
    static func of(_ context: UnsafeMutableRawPointer) -> Transfer { Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue() }

    /// Whether the request may be sent now: a second time only if carrying it out twice does what once does.
    func maySend() -> Bool {
        sendings += 1
        return sendings == 1 || isRepeatable
    }

    /// - Returns: false to let the transfer go.
    func take(header bytes: UnsafeRawBufferPointer) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= Transfer.maximumHeaderBytes else { return refuse(.malformedResponse("its header is too long")) }
        // What comes after the body is of no interest.
        guard head == nil else { return true }
        let line = Transfer.trimmed(String(decoding: bytes, as: UTF8.self)[...])
        if line.isEmpty { return endHeader() }
        if line.hasPrefix("HTTP/") {
            // What came before was an interim response.
            fields = HTTPHeaders()
        } else if let colon = line.firstIndex(of: ":") {
            fields.add(name: Transfer.trimmed(line[..<colon]), value: Transfer.trimmed(line[line.index(after: colon)...]))
        }
        return true
    }

    private func endHeader() -> Bool {
        let status = handle.map { waybill_curl_status($0) } ?? 0
        if (100..<200).contains(status) { return true }
        guard (200...999).contains(status) else { return refuse(.malformedResponse("it has no status")) }
        let head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: Int(status)), headers: fields)
        self.head = head
        if case .stream(let call, _) = purpose {
            deadline = nil
            call.sink.begin(head)
        }
        return true
    }

    /// What becomes of a piece of the body.
    enum Taking { case taken, paused, refused }

    func take(body bytes: UnsafeRawBufferPointer) -> Taking {
        switch purpose {
        case .exchange:
            guard body.count + bytes.count <= maximumBodyBytes else {
                _ = refuse(.tooLarge(limitBytes: maximumBodyBytes))
                return .refused
            }
            body.append(contentsOf: bytes)
        case .stream(let call, _):
            // libcurl keeps the piece and brings it again.
            if isPaused { return .paused }
            call.sink.take(bytes)
            isPaused = !call.sink.deliver()
        }
        return .taken
    }

    private func refuse(_ error: ClientError) -> Bool {
        refusal = refusal ?? error
        return false
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
