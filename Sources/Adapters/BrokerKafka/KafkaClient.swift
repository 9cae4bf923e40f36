import CKafka
import Logging
import Messaging

/// What the library tells a client, on the thread that polls it.
protocol KafkaEvents: AnyObject, Sendable {
    /// A produced message is durable, or its fate is known to be another.
    /// - Parameter place: what was passed when it was produced.
    func delivered(place: Int, error: rd_kafka_resp_err_t)
    /// The group gives partitions to this member, or wants them back.
    func rebalance(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>)
    /// Positions were committed, or not.
    func committed(_ error: rd_kafka_resp_err_t, _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?)
    /// Something is wrong with the brokers or the connection; the library goes on trying unless the error is fatal.
    func failed(_ error: rd_kafka_resp_err_t, reason: String)
    /// The library's figures, as JSON.
    func statistics(_ json: UnsafeBufferPointer<UInt8>)
}

/// What the library's callbacks find behind their opaque pointer.
private final class KafkaCallbacks: Sendable {
    let logger: Logger
    let events: (any KafkaEvents)?
    init(logger: Logger, events: (any KafkaEvents)?) { (self.logger, self.events) = (logger, events) }

    static func of(_ opaque: UnsafeMutableRawPointer?) -> KafkaCallbacks? {
        opaque.map { Unmanaged<KafkaCallbacks>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// A producer or consumer of librdkafka. Its handle may be used by any thread; it must be destroyed once, when no thread uses it any more.
final class KafkaClient: @unchecked Sendable {
    enum Kind { case producer, consumer }

    let handle: OpaquePointer
    private let callbacks: Unmanaged<KafkaCallbacks>

    /// - Parameter events: kept until the client is destroyed.
    /// - Throws: ``BrokerError/misconfigured(_:)`` that names the setting, never its value.
    init(_ kind: Kind, _ settings: [KafkaConfiguration.Setting], _ configuration: KafkaConfiguration, events: (any KafkaEvents)?, logger: Logger) throws {
        guard let conf = rd_kafka_conf_new() else { throw BrokerError.misconfigured("librdkafka gives no configuration") }
        do { try KafkaClient.set(settings, configuration.properties, in: conf) } catch {
            rd_kafka_conf_destroy(conf)
            throw error
        }
        callbacks = Unmanaged.passRetained(KafkaCallbacks(logger: logger, events: events))
        rd_kafka_conf_set_opaque(conf, callbacks.toOpaque())
        KafkaClient.install(kind, in: conf, hasEvents: events != nil)
        var text = [CChar](repeating: 0, count: 512)
        guard let handle = rd_kafka_new(kind == .producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, &text, text.count) else {
            rd_kafka_conf_destroy(conf)
            callbacks.release()
            throw BrokerError.misconfigured("kafka: \(text.text)")
        }
        self.handle = handle
    }

    private static func set(_ settings: [KafkaConfiguration.Setting], _ properties: [String: String], in conf: OpaquePointer) throws {
        var text = [CChar](repeating: 0, count: 512)
        for (name, value) in settings where rd_kafka_conf_set(conf, name, value, &text, text.count) != RD_KAFKA_CONF_OK {
            throw BrokerError.misconfigured("kafka: \(text.text)")
        }
        for (name, value) in properties.sorted(by: { $0.key < $1.key }) {
            if KafkaConfiguration.fixed.contains(name) { throw BrokerError.misconfigured("kafka: the property \(name) cannot be changed") }
            switch rd_kafka_conf_set(conf, name, value, nil, 0) {
            case RD_KAFKA_CONF_OK: continue
            case RD_KAFKA_CONF_UNKNOWN: throw BrokerError.misconfigured("kafka: there is no property \(name)")
            // The library's own words would show the value, which may be a password.
            default: throw BrokerError.misconfigured("kafka: the property \(name) has a value that it cannot have")
            }
        }
    }

    private static func install(_ kind: Kind, in conf: OpaquePointer, hasEvents: Bool) {
        // Called by the library's own threads.
        rd_kafka_conf_set_log_cb(conf) { handle, level, facility, text in
            guard let text, let callbacks = KafkaCallbacks.of(rd_kafka_opaque(handle)) else { return }
            let source = facility.map { String(cString: $0) } ?? ""
            callbacks.logger.log(level: .init(syslog: level, facility: source), "kafka: \(String(cString: text))", metadata: ["facility": "\(source)"])
        }
        guard hasEvents else { return }
        rd_kafka_conf_set_error_cb(conf) { _, code, reason, opaque in
            KafkaCallbacks.of(opaque)?.events?.failed(rd_kafka_resp_err_t(rawValue: code), reason: reason.map { String(cString: $0) } ?? "")
        }
        rd_kafka_conf_set_stats_cb(conf) { _, json, length, opaque in
            json?.withMemoryRebound(to: UInt8.self, capacity: length) {
                KafkaCallbacks.of(opaque)?.events?.statistics(UnsafeBufferPointer(start: $0, count: length))
            }
            return 0
        }
        switch kind {
        case .producer:
            rd_kafka_conf_set_dr_msg_cb(conf) { _, message, opaque in
                guard let message = message?.pointee else { return }
                KafkaCallbacks.of(opaque)?.events?.delivered(place: Int(bitPattern: message._private), error: message.err)
            }
        case .consumer:
            rd_kafka_conf_set_rebalance_cb(conf) { _, error, partitions, opaque in
                if let partitions { KafkaCallbacks.of(opaque)?.events?.rebalance(error, partitions) }
            }
            rd_kafka_conf_set_offset_commit_cb(conf) { _, error, partitions, opaque in KafkaCallbacks.of(opaque)?.events?.committed(error, partitions) }
        }
    }

    /// Ends the client; may take until the library's threads have ended. Nobody may use it any more.
    /// - Parameter leavesGroup: false to vanish as a crashed process does.
    func destroy(leavesGroup: Bool = true) {
        if leavesGroup { rd_kafka_destroy(handle) } else { rd_kafka_destroy_flags(handle, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)) }
        callbacks.release()
    }
}

extension Logger.Level {
    /// The level of a line of librdkafka. A connection that fails is its highest, and yet nothing but weather: it tries again for ever.
    fileprivate init(syslog level: Int32, facility: String) {
        switch level {
        case ...2: self = .critical
        case 3: self = facility == "FAIL" ? .warning : .error
        case 4: self = facility == "CONFWARN" ? .debug : .warning
        case 5: self = .notice
        case 6: self = .info
        default: self = .debug
        }
    }
}

extension rd_kafka_resp_err_t {
    /// What the library says of this error.
    var text: String { rd_kafka_err2str(self).map { String(cString: $0) } ?? "error \(rawValue)" }
}

extension [CChar] {
    /// The text that C wrote here.
    var text: String { String(decoding: prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
}
