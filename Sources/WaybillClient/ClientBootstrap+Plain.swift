import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension ClientBootstrap {
    /// A TCP client without Nagle's delay, which would hold back small requests.
    static func plain(group: any EventLoopGroup, connectTimeout: TimeAmount) -> ClientBootstrap {
        ClientBootstrap(group: group)
            .connectTimeout(connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    }
}

extension ClientError {
    /// Puts NIO's nested connection errors into words.
    init(connecting error: any Error, to base: BaseURL, within timeout: Duration) {
        if let error = error as? ClientError {
            self = error
            return
        }
        let cause = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
        switch cause {
        case ChannelError.connectTimeout: self = .timedOut(.connection, after: timeout)
        case let cause as IOError:
            self = .cannotConnect(host: base.host, port: base.port, reason: String(cString: strerror(cause.errnoCode)))
        case is NIOConnectionError: self = .cannotConnect(host: base.host, port: base.port, reason: "the host name is not known")
        default: self = .cannotConnect(host: base.host, port: base.port, reason: String(describing: cause))
        }
    }
}
