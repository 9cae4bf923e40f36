import CCurl
import Web

/// One request on a handle of libcurl, and what comes back, collected by callbacks on the same thread.
final class Exchange {
    /// Most bytes of an answer's header.
    private static let maximumHeaderBytes = 32 << 10

    private let ticket: Ticket
    private let configuration: CurlClient.Configuration
    private let isEncrypted: Bool
    private var headers: [(name: String, value: String)] = []
    private var headerBytes = 0
    private var body: [UInt8] = []
    private var isTruncated = false
    /// Why an address was not connected to.
    private var refusal: String?

    init(_ ticket: Ticket, _ configuration: CurlClient.Configuration) {
        (self.ticket, self.configuration) = (ticket, configuration)
        isEncrypted = ticket.request.url.prefix(8).lowercased() == "https://"
    }

    /// Sends the request and waits for the answer.
    func perform(on handle: UnsafeMutableRawPointer) throws(OutgoingFailure) -> OutgoingAnswer {
        guard !ticket.isOver else { throw .cancelled }
        let milliseconds = Int((ContinuousClock.now.duration(to: ticket.deadline)) / .milliseconds(1))
        guard milliseconds > 0 else { throw .timedOut }
        // Connections stay with the handle, options do not.
        curl_easy_reset(handle)
        let list = headerList()
        defer { curl_slist_free_all(list) }
        try set(handle, list, milliseconds: milliseconds)
        let code = curl_easy_perform(handle)
        let status = waybill_curl_status(handle)
        // Whoever wrote the answer is let go when enough of it has been read.
        if code == CURLE_OK || (code == CURLE_WRITE_ERROR && isTruncated) {
            guard (100...999).contains(status) else { throw .broken("the answer has no status") }
            return OutgoingAnswer(status: status, headers: headers, body: body, isTruncated: isTruncated)
        }
        throw failure(code)
    }

    private func set(_ handle: UnsafeMutableRawPointer, _ list: UnsafeMutablePointer<curl_slist>?, milliseconds: Int) throws(OutgoingFailure) {
        let request = ticket.request
        let context = Unmanaged.passUnretained(self).toOpaque()
        let connect = max(1, Int(configuration.connectTimeout / .milliseconds(1)))
        var codes = [
            waybill_curl_set_text(handle, CURLOPT_URL, request.url), waybill_curl_only_http(handle),
            // No redirect, no proxy out of the environment, no password out of a file; no signals, which are the process's.
            waybill_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0), waybill_curl_set_text(handle, CURLOPT_PROXY, ""),
            waybill_curl_set_text(handle, CURLOPT_NOPROXY, "*"), waybill_curl_set_long(handle, CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue)),
            waybill_curl_set_long(handle, CURLOPT_NOSIGNAL, 1), waybill_curl_set_long(handle, CURLOPT_PATH_AS_IS, 1),
            waybill_curl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)), waybill_curl_set_long(handle, CURLOPT_HTTP09_ALLOWED, 0),
            waybill_curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1), waybill_curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2),
            waybill_curl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
            waybill_curl_set_long(handle, CURLOPT_TIMEOUT_MS, milliseconds),
            waybill_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, min(connect, milliseconds)), waybill_curl_set_long(handle, CURLOPT_MAXCONNECTS, 4),
            waybill_curl_set_text(handle, CURLOPT_USERAGENT, configuration.userAgent), waybill_curl_set_list(handle, CURLOPT_HTTPHEADER, list),
            waybill_curl_set_sink(handle, CURLOPT_WRITEFUNCTION, writeBody), waybill_curl_set_pointer(handle, CURLOPT_WRITEDATA, context),
            waybill_curl_set_sink(handle, CURLOPT_HEADERFUNCTION, writeHeader), waybill_curl_set_pointer(handle, CURLOPT_HEADERDATA, context),
            waybill_curl_set_open_socket(handle, openSocket), waybill_curl_set_pointer(handle, CURLOPT_OPENSOCKETDATA, context),
            waybill_curl_set_progress(handle, showProgress), waybill_curl_set_pointer(handle, CURLOPT_XFERINFODATA, context),
            waybill_curl_set_long(handle, CURLOPT_NOPROGRESS, 0),
        ]
        if let path = configuration.certificateAuthorities { codes.append(waybill_curl_set_text(handle, CURLOPT_CAINFO, path)) }
        codes += bodyOptions(handle, request)
        // An option that is not set would be a guard that does not stand.
        guard codes.allSatisfy({ $0 == CURLE_OK }) else { throw .broken("libcurl does not know an option") }
    }

    private func bodyOptions(_ handle: UnsafeMutableRawPointer, _ request: OutgoingRequest) -> [CURLcode] {
        if request.method == "GET" && request.body.isEmpty { return [waybill_curl_set_long(handle, CURLOPT_HTTPGET, 1)] }
        if request.method == "HEAD" { return [waybill_curl_set_long(handle, CURLOPT_NOBODY, 1)] }
        // The size comes first: the bytes are copied when they are set.
        var codes = [
            waybill_curl_set_long(handle, CURLOPT_POST, 1), waybill_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)),
        ]
        request.body.withUnsafeBytes { bytes in
            codes.append(
                bytes.baseAddress.map { waybill_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, $0) }
                    ?? waybill_curl_set_text(handle, CURLOPT_COPYPOSTFIELDS, ""))
        }
        if request.method != "POST" { codes.append(waybill_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, request.method)) }
        return codes
    }

    private func headerList() -> UnsafeMutablePointer<curl_slist>? {
        // Nobody is asked whether he wants the body before he gets it.
        var list = curl_slist_append(nil, "Expect:")
        for header in ticket.request.headers { list = curl_slist_append(list, "\(header.name): \(header.value)") ?? list }
        return list
    }

    private func failure(_ code: CURLcode) -> OutgoingFailure {
        switch code {
        case CURLE_ABORTED_BY_CALLBACK: .cancelled
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_COULDNT_RESOLVE_HOST: .unresolved
        case CURLE_COULDNT_CONNECT: refusal.map { .refusedAddress($0) } ?? .unreachable
        case CURLE_URL_MALFORMAT: .refused("the URL cannot be used")
        // The scheme was looked at before: it is the answer that is none.
        case CURLE_UNSUPPORTED_PROTOCOL: .broken("the answer is no HTTP")
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS:
            .tls(Exchange.words(code))
        default: .broken(headerBytes > Exchange.maximumHeaderBytes ? "the answer's header is too long" : Exchange.words(code))
        }
    }

    private static func words(_ code: CURLcode) -> String { curl_easy_strerror(code).map { String(cString: $0) } ?? "unknown" }
}

/// What libcurl calls while it performs.
extension Exchange {
    /// - Returns: false to let the transfer go.
    fileprivate func take(body bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let room = ticket.request.maximumAnswerBytes - body.count
        body.append(contentsOf: bytes.prefix(max(0, room)))
        isTruncated = bytes.count > room
        return !isTruncated
    }

    fileprivate func take(header bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        headerBytes += bytes.count
        guard headerBytes <= Exchange.maximumHeaderBytes else { return false }
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            // What came before was an interim answer.
            headers = []
        } else if let colon = line.firstIndex(of: ":") {
            headers.append((Exchange.trimmed(line[..<colon]), Exchange.trimmed(line[line.index(after: colon)...])))
        }
        return true
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }

    /// Whether a connection may go to an address.
    fileprivate func admits(_ address: UnsafePointer<curl_sockaddr>) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = bytes.withUnsafeMutableBufferPointer { waybill_curl_address(address, $0.baseAddress) }
        func word(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
        let target: NetworkAddress
        switch count {
        case 4: target = .v4(UInt32(truncatingIfNeeded: word(0..<4)))
        case 16: target = .v6(word(0..<8), word(8..<16))
        default:
            refusal = "not of the internet"
            return false
        }
        guard let words = configuration.policy.objection(to: target, isEncrypted: isEncrypted) else { return true }
        refusal = "\(target) is \(words)"
        return false
    }

    fileprivate var isGivenUp: Bool { ticket.isOver }

    fileprivate static func of(_ context: UnsafeMutableRawPointer) -> Exchange { Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue() }
}

private func bytes(_ start: UnsafeMutablePointer<CChar>, _ size: Int, _ count: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: size &* count)
}

private let writeBody: waybill_curl_sink = { start, size, count, context in
    guard let start, let context else { return 0 }
    return Exchange.of(context).take(body: bytes(start, size, count)) ? size &* count : 0
}

private let writeHeader: waybill_curl_sink = { start, size, count, context in
    guard let start, let context else { return 0 }
    return Exchange.of(context).take(header: bytes(start, size, count)) ? size &* count : 0
}

private let openSocket: curl_opensocket_callback = { context, _, address in
    guard let context, let address, Exchange.of(context).admits(address) else { return CURL_SOCKET_BAD }
    return waybill_curl_open(address)
}

private let showProgress: curl_xferinfo_callback = { context, _, _, _, _ in
    guard let context else { return 1 }
    return Exchange.of(context).isGivenUp ? 1 : 0
}
