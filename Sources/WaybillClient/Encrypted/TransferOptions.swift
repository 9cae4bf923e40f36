import CCurl
import NIOCore
import NIOHTTP1

/// What all transfers of a client have in common.
struct TransferSettings: Sendable {
    let base: BaseURL
    let limits: TransferLimits
    /// A file (PEM) of who may vouch for the server; nil for those that the system trusts.
    let authorities: String?
}

/// What libcurl is told of one transfer.
struct TransferOptions {
    private let transfer: Transfer
    private let settings: TransferSettings
    private let head: HTTPRequestHead
    private let body: [UInt8]
    private let isStream: Bool

    init(_ transfer: Transfer, _ settings: TransferSettings) {
        (self.transfer, self.settings) = (transfer, settings)
        switch transfer.purpose {
        case .exchange(let exchange, _): (head, body, isStream) = (exchange.head, exchange.request.body, false)
        case .stream(let call, _): (head, body, isStream) = (call.head, call.body, true)
        }
    }

    /// The header fields, to be freed by the caller when the transfer is over.
    func headerList() -> UnsafeMutablePointer<curl_slist>? {
        // libcurl's own: nobody is asked whether he wants the body before he gets it, and nothing is said that was not asked for.
        var list = curl_slist_append(nil, "Expect:")
        for name in ["Accept", "Content-Type", "User-Agent"] where !head.headers.contains(name: name) { list = curl_slist_append(list, name + ":") ?? list }
        for (name, value) in head.headers where !["host", "content-length"].contains(name.lowercased()) {
            // libcurl's way to write a field without a value.
            let isBlank = value.allSatisfy { $0 == " " || $0 == "\t" }
            list = curl_slist_append(list, isBlank ? "\(name);" : "\(name): \(value)") ?? list
        }
        return list
    }

    /// Sets them. False if libcurl does not know one.
    func set(_ handle: UnsafeMutableRawPointer, _ list: UnsafeMutablePointer<curl_slist>?) -> Bool {
        (place(handle) + trust(handle) + callbacks(handle) + content(handle, list)).allSatisfy { $0 == CURLE_OK }
    }

    /// Where it goes, and how long that may take.
    private func place(_ handle: UnsafeMutableRawPointer) -> [CURLcode] {
        let connect = max(1, Int(transfer.connectTimeout(settings) / .milliseconds(1)))
        // A stream has a connection of its own, beside those of the requests.
        let fresh = isStream || transfer.afresh ? 1 : 0
        return [
            waybill_curl_set_text(handle, CURLOPT_URL, "https://\(settings.base.authority)/"), waybill_curl_set_text(handle, CURLOPT_REQUEST_TARGET, head.uri),
            // As with http: one request at a time on a connection, so that one which hangs, or is not read, holds up nobody.
            waybill_curl_only_http(handle), waybill_curl_set_long(handle, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1)),
            // No redirect, for the token is the server's alone; no proxy out of the environment, no password out of a file; no signals, which are the process's.
            waybill_curl_set_long(handle, CURLOPT_FOLLOWLOCATION, 0), waybill_curl_set_text(handle, CURLOPT_PROXY, ""),
            waybill_curl_set_text(handle, CURLOPT_NOPROXY, "*"), waybill_curl_set_long(handle, CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue)),
            waybill_curl_set_long(handle, CURLOPT_NOSIGNAL, 1), waybill_curl_set_long(handle, CURLOPT_HTTP09_ALLOWED, 0),
            waybill_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, connect), waybill_curl_set_long(handle, CURLOPT_FRESH_CONNECT, fresh),
            waybill_curl_set_long(handle, CURLOPT_FORBID_REUSE, isStream ? 1 : 0),
            // A machine that lost its power says no goodbye.
            waybill_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1), waybill_curl_set_long(handle, CURLOPT_TCP_KEEPIDLE, 30),
            waybill_curl_set_long(handle, CURLOPT_TCP_KEEPINTVL, 10),
        ]
    }

    /// Who may be at the other side.
    private func trust(_ handle: UnsafeMutableRawPointer) -> [CURLcode] {
        var codes = [
            waybill_curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 1), waybill_curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 2),
            waybill_curl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)),
        ]
        if let path = settings.authorities {
            // Those of the system's folder would be believed as well.
            codes += [waybill_curl_set_text(handle, CURLOPT_CAINFO, path), waybill_curl_set_text(handle, CURLOPT_CAPATH, nil)]
        }
        return codes
    }

    private func callbacks(_ handle: UnsafeMutableRawPointer) -> [CURLcode] {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        return [
            waybill_curl_set_sink(handle, CURLOPT_WRITEFUNCTION, writeBody), waybill_curl_set_pointer(handle, CURLOPT_WRITEDATA, context),
            waybill_curl_set_sink(handle, CURLOPT_HEADERFUNCTION, writeHeader), waybill_curl_set_pointer(handle, CURLOPT_HEADERDATA, context),
            waybill_curl_set_before_request(handle, beforeRequest), waybill_curl_set_pointer(handle, CURLOPT_PREREQDATA, context),
            waybill_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, transfer.words),
        ]
    }

    private func content(_ handle: UnsafeMutableRawPointer, _ list: UnsafeMutablePointer<curl_slist>?) -> [CURLcode] {
        var codes = [waybill_curl_set_list(handle, CURLOPT_HTTPHEADER, list)]
        let method = head.method.rawValue
        if method == "HEAD" { return codes + [waybill_curl_set_long(handle, CURLOPT_NOBODY, 1)] }
        if body.isEmpty && !head.headers.contains(name: "content-length") {
            codes.append(waybill_curl_set_long(handle, CURLOPT_HTTPGET, 1))
        } else {
            // The size comes first: the bytes are copied when they are set.
            codes += [waybill_curl_set_long(handle, CURLOPT_POST, 1), waybill_curl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))]
            codes.append(
                body.withUnsafeBytes { bytes in
                    bytes.baseAddress.map { waybill_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, $0) }
                        ?? waybill_curl_set_text(handle, CURLOPT_COPYPOSTFIELDS, "")
                })
        }
        return codes + [waybill_curl_set_text(handle, CURLOPT_CUSTOMREQUEST, method)]
    }
}

private let writeBody: waybill_curl_sink = { start, size, count, context in
    guard let start, let context else { return 0 }
    switch Transfer.of(context).take(body: UnsafeRawBufferPointer(start: start, count: size &* count)) {
    case .taken: return size &* count
    case .paused: return Int(CURL_WRITEFUNC_PAUSE)
    case .refused: return size &* count == 0 ? 1 : 0
    }
}

private let writeHeader: waybill_curl_sink = { start, size, count, context in
    guard let start, let context else { return 0 }
    return Transfer.of(context).take(header: UnsafeRawBufferPointer(start: start, count: size &* count)) ? size &* count : 0
}

private let beforeRequest: curl_prereq_callback = { context, _, _, _, _ in
    guard let context, Transfer.of(context).maySend() else { return CURL_PREREQFUNC_ABORT }
    return CURL_PREREQFUNC_OK
}
