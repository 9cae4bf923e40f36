import CCurl
import Foundation
import NIOCore

/// libcurl's errors in the client's words.
extension Transfer {
    /// Nothing can be sent at all.
    static func unusable(_ base: BaseURL) -> ClientError { .cannotConnect(host: base.host, port: base.port, reason: "libcurl cannot be used, or is too old") }

    /// How long making a connection may take, which is part of the request's time.
    func connectTimeout(_ settings: TransferSettings) -> Duration {
        guard let deadline else { return settings.limits.connectTimeout }
        return min(settings.limits.connectTimeout, .nanoseconds(max(0, (deadline - .now()).nanoseconds)))
    }

    /// The whole time of the request.
    private var timeout: Duration {
        switch purpose {
        case .exchange(let exchange, _): exchange.timeout
        case .stream(let call, _): call.timeout
        }
    }

    /// The time is over.
    var lateness: ClientError { .timedOut(sendings > 0 ? .response : .connection, after: timeout) }

    /// Why libcurl gave up.
    func failure(_ code: CURLcode, _ settings: TransferSettings) -> any Error {
        let (host, port) = (settings.base.host, settings.base.port)
        if let refusal { return refusal }
        // It was sent on a kept connection that turned out closed, and libcurl could not even try again: it may have been carried out.
        if sendings > 0, !isRepeatable, !Transfer.isOfTheResponse(code) { return ClientError.connectionClosed }
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST: return ClientError.cannotConnect(host: host, port: port, reason: "the host name is not known")
        case CURLE_COULDNT_CONNECT:
            let number = handle.map { waybill_curl_info_long($0, CURLINFO_OS_ERRNO) } ?? 0
            return ClientError.cannotConnect(host: host, port: port, reason: number > 0 ? String(cString: strerror(Int32(clamping: number))) : text(code))
        // Only connecting has a time of libcurl's.
        case CURLE_OPERATION_TIMEDOUT: return ClientError.timedOut(.connection, after: min(timeout, settings.limits.connectTimeout))
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_ABORTED_BY_CALLBACK:
            return ClientError.connectionClosed
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY: return ClientError.malformedResponse("it does not begin as HTTP does")
        case CURLE_SSL_CACERT_BADFILE:
            return ClientError.notSecure(host: host, port: port, .unusableAuthorities(path: settings.authorities ?? "the system's store"))
        case CURLE_PEER_FAILED_VERIFICATION: return ClientError.notSecure(host: host, port: port, objection(text(code)))
        case CURLE_SSL_CONNECT_ERROR: return ClientError.notSecure(host: host, port: port, Transfer.handshake(text(code)))
        case CURLE_SSL_CIPHER, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
            return ClientError.notSecure(host: host, port: port, .other(text(code)))
        default: return ClientError.malformedResponse(text(code))
        }
    }

    /// Failures that only what has come of a response can bring.
    private static func isOfTheResponse(_ code: CURLcode) -> Bool { [CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY].contains(code) }

    /// What libcurl says of this failure, else what it says of failures of its kind.
    private func text(_ code: CURLcode) -> String {
        if words.pointee != 0 { return String(cString: words) }
        return curl_easy_strerror(code).map { String(cString: $0) } ?? "unknown"
    }

    /// What is wrong with a certificate. The numbers are OpenSSL's (x509_vfy.h), which does not look at the name: libcurl does, and leaves no number.
    private func objection(_ text: String) -> TLSFailure {
        guard text.hasPrefix("SSL certificate problem") else { return text.contains("subject name") ? .wrongName : .other(text) }
        switch handle.map({ waybill_curl_info_long($0, CURLINFO_SSL_VERIFYRESULT) }) ?? 0 {
        case 2, 18, 19, 20, 21: return .unknownAuthority
        case 9: return .notYetValid
        case 10: return .expired
        default: return .other(text)
        }
    }

    private static func handshake(_ text: String) -> TLSFailure {
        // How OpenSSL sees bytes that are no TLS record.
        let isNone = ["wrong version number", "packet length too long", "http request"].contains { text.contains($0) }
        return isNone ? .notTLS : .other(text)
    }
}
