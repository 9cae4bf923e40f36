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

    /// Lets the system ask an idle peer every half minute whether it is still there: a machine that lost its power says no goodbye.
    func noticingLostPeers() -> ClientBootstrap {
        let bootstrap = channelOption(.socketOption(.so_keepalive), value: 1)
        #if os(Linux)
            return bootstrap.channelOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: 30)
                .channelOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: 10)
                .channelOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: 3)
        #else
            return bootstrap
        #endif
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
