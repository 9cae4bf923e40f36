import CRabbitMQ
import Glibc
import Messaging

/// One connection to the broker, by the C library, which is for one thread only: whoever makes a connection is the only one who uses it.
///
/// A fault other than of a channel ends it: what follows is a new one.
final class AMQPConnection {
    let state: amqp_connection_state_t
    let arena = AMQPArena()
    /// Messages of which a part has arrived, by channel.
    var partial: [UInt16: PartialMessage] = [:]
    private let lifeline: Lifeline

    /// Connects and logs in.
    /// - Parameters:
    ///   - purpose: added to the connection's name in the broker's list.
    ///   - lifeline: by which other threads can cut the connection.
    /// - Throws: ``AMQPFault``.
    init(_ configuration: RabbitMQConfiguration, to endpoint: RabbitMQConfiguration.Endpoint, purpose: String, lifeline: Lifeline) throws {
        guard let state = amqp_new_connection() else { throw AMQPFault.lost("out of memory") }
        (self.state, self.lifeline) = (state, lifeline)
        var connect = configuration.connectTimeout.timeval
        var request = configuration.requestTimeout.timeval
        amqp_set_handshake_timeout(state, &connect)
        amqp_set_rpc_timeout(state, &request)
        let socket = try AMQPConnection.makeSocket(state, configuration.tls)
        let status = amqp_socket_open_noblock(socket, endpoint.host, Int32(endpoint.port), &connect)
        guard status == AMQP_STATUS_OK.rawValue else { throw AMQPFault.status(status, "cannot connect to \(endpoint)") }
        lifeline.attach(self.socket)
        setOption(TCP_USER_TIMEOUT, Int32(clamping: configuration.publishTimeout.milliseconds))
        try logIn(configuration, purpose)
    }

    deinit {
        lifeline.detach()
        amqp_destroy_connection(state)
    }

    /// The descriptor to wait for; -1 when the library has closed it.
    var socket: Int32 { amqp_get_sockfd(state) }

    private static func makeSocket(_ state: amqp_connection_state_t, _ tls: RabbitMQConfiguration.TLS?) throws -> OpaquePointer {
        guard let tls else {
            guard let socket = amqp_tcp_socket_new(state) else { throw AMQPFault.lost("out of memory") }
            return socket
        }
        guard let socket = amqp_ssl_socket_new(state) else { throw AMQPFault.lost("TLS cannot be set up") }
        amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
        amqp_ssl_socket_set_verify_peer(socket, tls.verifiesBroker ? 1 : 0)
        amqp_ssl_socket_set_verify_hostname(socket, tls.verifiesBroker ? 1 : 0)
        if tls.verifiesBroker || tls.authorities != nil {
            let file = tls.authorities ?? "/etc/ssl/certs/ca-certificates.crt"
            guard amqp_ssl_socket_set_cacert(socket, file) == AMQP_STATUS_OK.rawValue else {
                throw BrokerError.misconfigured("RabbitMQ: the authorities' certificates in \(file) cannot be read")
            }
        }
        if let certificate = tls.certificate, let key = tls.key {
            guard amqp_ssl_socket_set_key(socket, certificate, key) == AMQP_STATUS_OK.rawValue else {
                throw BrokerError.misconfigured("RabbitMQ: the certificate \(certificate) or its key \(key) cannot be read")
            }
        }
        return socket
    }

    private func logIn(_ configuration: RabbitMQConfiguration, _ purpose: String) throws {
        defer { arena.reset() }
        // What we understand beyond the standard: without these the broker does not send it.
        let capabilities: [AMQPField] = ["publisher_confirms", "basic.nack", "consumer_cancel_notify", "connection.blocked"].map { .init($0, .flag(true)) }
        var properties = arena.table([
            .init("product", .text("Waybill")), .init("connection_name", .text("\(configuration.connectionName) \(purpose)")),
            .init("capabilities", .table(capabilities)),
        ])
        let seconds = Int32(clamping: configuration.heartbeat.milliseconds / 1000)
        let (host, frame) = (configuration.virtualHost, AMQP_DEFAULT_FRAME_SIZE)
        switch configuration.login {
        case .plain(let user, let password):
            try check(waybill_amqp_login_plain(state, host, AMQP_DEFAULT_MAX_CHANNELS, frame, seconds, &properties, user, password), "the login failed")
        case .external:
            try check(waybill_amqp_login_external(state, host, AMQP_DEFAULT_MAX_CHANNELS, frame, seconds, &properties, ""), "the login failed")
        }
    }

    /// The broker's product and version, as it told them.
    var server: (product: String, version: String) {
        guard let properties = amqp_get_server_properties(state)?.pointee else { return ("?", "?") }
        return (properties.text("product") ?? "?", properties.text("version") ?? "?")
    }

    /// Says goodbye, so that the broker need not wait for us. Bounded by a second; what cannot be said any more is left unsaid.
    func close() {
        var patience = Duration.seconds(1).timeval
        amqp_set_rpc_timeout(state, &patience)
        _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS)
    }

    /// Lets the kernel put small writes together until this is turned off again.
    func cork(_ isCorked: Bool) { setOption(TCP_CORK, isCorked ? 1 : 0) }

    private func setOption(_ option: Int32, _ value: Int32) {
        var value = value
        _ = setsockopt(socket, Int32(IPPROTO_TCP), option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Throws what an answer says.
    func check(_ reply: amqp_rpc_reply_t, _ context: String, channel: UInt16 = 0) throws {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw try closed(reply.reply, channel: channel)
        case AMQP_RESPONSE_LIBRARY_EXCEPTION: throw AMQPFault.status(reply.library_error, context)
        default: throw AMQPFault.lost("\(context): the connection ended")
        }
    }

    /// The fault that a closing method tells of; answers it, as the protocol wants.
    func closed(_ method: amqp_method_t, channel: UInt16) throws -> AMQPFault {
        switch method.id {
        case waybill_amqp_connection_close:
            guard let body = method.decoded?.assumingMemoryBound(to: amqp_connection_close_t.self).pointee else { break }
            var answer = amqp_connection_close_ok_t()
            _ = amqp_send_method(state, 0, waybill_amqp_connection_close_ok, &answer)
            return .connectionClosed(code: Int(body.reply_code), text: body.reply_text.text)
        case waybill_amqp_channel_close:
            guard let body = method.decoded?.assumingMemoryBound(to: amqp_channel_close_t.self).pointee else { break }
            let fault = AMQPFault.channelClosed(channel: channel, code: Int(body.reply_code), text: body.reply_text.text)
            var answer = amqp_channel_close_ok_t()
            let status = amqp_send_method(state, channel, waybill_amqp_channel_close_ok, &answer)
            guard status == AMQP_STATUS_OK.rawValue else { throw AMQPFault.status(status, "answering the end of a channel") }
            return fault
        default: break
        }
        return .lost("the broker answered with something unexpected (method \(method.id))")
    }
}
