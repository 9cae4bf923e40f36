import Foundation

/// How much an ``EncryptedTransport`` does at once.
struct TransferLimits: Sendable {
    /// Requests under way at once.
    let connections: Int
    /// Requests that wait for one of them to end.
    let waiting: Int
    let connectTimeout: Duration
    let bodyBytes: Int
}

/// Requests over TLS by libcurl, which every build has, unlike NIO's TLS (docs/adr/0037-client-over-tls.md): one thread for the client, started by its first
/// request, that carries all of its transfers.
final class EncryptedTransport: Transport {
    let base: BaseURL
    private let thread: TransferThread

    /// - Parameter authorities: a file (PEM) of who may vouch for the server; nil for those that the system trusts.
    /// - Throws: ``ClientError/notSecure(host:port:_:)`` for a file that cannot be read.
    init(base: BaseURL, limits: TransferLimits, authorities: String?) throws(ClientError) {
        if let authorities, access(authorities, R_OK) != 0 {
            throw .notSecure(host: base.host, port: base.port, .unusableAuthorities(path: authorities))
        }
        self.base = base
        thread = TransferThread(TransferSettings(base: base, limits: limits, authorities: authorities))
    }

    // The thread holds on to itself and not to this, so that a client which nobody needs any more can go and stop it.
    deinit { thread.stop() }

    func submit(_ exchange: Exchange) { thread.submit(exchange) }
    func open(_ call: StreamCall) { thread.add(.open(call, StreamTransfer(transport: self))) }
    func shutDown() async { await thread.shutDown() }

    fileprivate func add(_ command: TransferThread.Command) { thread.add(command) }
}

/// The transfer of one streamed response. It keeps the client's thread for as long as it is read.
final class StreamTransfer: StreamCarrier {
    private let transport: EncryptedTransport

    fileprivate init(transport: EncryptedTransport) { self.transport = transport }

    func read() { transport.add(.readOn(self)) }
    func close() { transport.add(.close(self)) }
}

/// A place among the requests that may be under way at once.
final class TransferPlace: Sendable {}
