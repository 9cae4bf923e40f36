import CKafka
import Messaging
import Testing
import Wire

@testable import BrokerKafka

@Suite("Kafka's settings, keys and errors")
struct ConfigurationTests {
    private func broker(_ properties: [String: String], _ log: TestLog = TestLog()) -> KafkaBroker {
        var configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
        configuration.requestTimeout = .milliseconds(300)
        configuration.publishTimeout = .milliseconds(300)
        configuration.properties = properties
        return TestCluster.broker(configuration, log: log)
    }

    @Test("a property that does not exist, cannot be, or must not be changed is named; its value is not shown")
    func properties() async throws {
        for (name, value) in [
            ("sasl.pasword", "hunter2"), ("security.protocol", "hunter2"), ("acks", "1"), ("group.id", "mine"), ("enable.auto.commit", "true"),
        ] {
            let log = TestLog()
            let broker = broker([name: value], log)
            let error = await #expect(throws: BrokerError.self) { try await broker.open(TestCluster.topology()) }
            guard case .misconfigured(let words) = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(words.contains(name))
            #expect(!words.contains("hunter2") && !log.lines.contains { $0.contains("hunter2") })
            await broker.close()
        }
    }

    @Test("a password is neither logged nor shown while nobody answers")
    func secrets() async throws {
        let log = TestLog()
        let broker = broker(["security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN", "sasl.username": "waybill", "sasl.password": "hunter2"], log)
        let error = await #expect(throws: BrokerError.self) { try await broker.open(TestCluster.topology()) }
        guard case .unavailable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let findings = await broker.examine(TestCluster.topology())
        #expect(findings.map(\.verdict) == [.fail])
        #expect(findings.allSatisfy { !$0.advice.isEmpty })
        await broker.close()
        #expect(!(log.lines + findings.map(\.words) + ["\(String(describing: error))"]).contains { $0.contains("hunter2") })
    }

    @Test("nobody answers: publishing gives up in time, and again")
    func unreachable() async throws {
        let broker = broker([:])
        for _ in 0..<2 {
            let start = ContinuousClock.now
            let error = await #expect(throws: BrokerError.self) { try await broker.publish([TestCluster.message(1, 1, topic: "nowhere")]) }
            guard case .unavailable = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(ContinuousClock.now - start < .seconds(10))
        }
        await broker.close()
    }

    @Test("nobody answers: a member is told once, waits, and leaves at once")
    func lonelyMember() async throws {
        let broker = broker([:])
        let member = try await broker.subscribe(group: "lonely", topics: ["nowhere"], member: "a")
        let error = await #expect(throws: BrokerError.self) { try await member.next(limit: 1) }
        guard case .unavailable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        async let last = member.next(limit: 1)
        let start = ContinuousClock.now
        await member.close()
        #expect(try await last == nil)
        #expect(ContinuousClock.now - start < .seconds(10))
        await broker.close()
    }

    @Test("keys are UUIDs as text; 16 bytes are taken as well, and anything else is the same every time")
    func keys() {
        let id = Identifier(high: 0x0192_8f00_0000_7abc, low: 0x8000_0000_0000_0001)
        func read(_ key: [UInt8]) -> Identifier { key.withUnsafeBytes { KafkaMessage.identifier($0) } }
        #expect(read(Array(id.description.utf8)) == id)
        #expect(read(Array(id.description.uppercased().utf8)) == id)
        #expect(read([1, 0x92, 0x8f, 0, 0, 0, 0x7a, 0xbc, 0x80, 0, 0, 0, 0, 0, 0, 1]) == id)
        #expect(read([]) == read([]))
        #expect(read(Array("customer-7".utf8)) == read(Array("customer-7".utf8)))
        #expect(read(Array("customer-7".utf8)) != read(Array("customer-8".utf8)))
    }

    @Test("a refused batch is the fault of its largest message; what stays wrong is told from what passes")
    func errors() {
        let messages = [10, 30, 20].enumerated().map { TestCluster.message($0, 0, topic: "orders", padding: $1) }
        func error(_ codes: (Int, rd_kafka_resp_err_t)...) -> BrokerError { KafkaBroker.error(codes.map { .init(index: $0, error: $1) }, messages[...]) }
        #expect(
            error((0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), (1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE), (2, RD_KAFKA_RESP_ERR__PURGE_QUEUE))
                == .rejected(index: 1, reason: RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE.text))
        #expect(
            error((0, RD_KAFKA_RESP_ERR__PURGE_QUEUE), (2, RD_KAFKA_RESP_ERR_INVALID_RECORD))
                == .rejected(index: 2, reason: RD_KAFKA_RESP_ERR_INVALID_RECORD.text))
        let denied = error((0, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED))
        #expect(denied == .misconfigured("kafka: topic orders: \(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED.text)"))
        #expect(error((0, RD_KAFKA_RESP_ERR__TRANSPORT)) == .unavailable(RD_KAFKA_RESP_ERR__TRANSPORT.text))
        #expect(error() == .unavailable("the producer failed"))
    }

    @Test("statistics become figures, and what is no JSON becomes none")
    func statistics() {
        func figures(_ json: String) -> [KafkaStatistics.Figure]? { Array(json.utf8).withUnsafeBufferPointer { KafkaStatistics.figures($0) } }
        let report = """
            {"msg_cnt": 3, "msg_size": 400, "brokers": {"a:1/1": {"nodeid": 1, "state": "UP", "rtt": {"avg": 1500}}, "b:1/bootstrap": {"nodeid": -1, "state": "INIT"}},
            "topics": {"orders": {"partitions": {"0": {"consumer_lag": 17}, "-1": {"consumer_lag": -1}}}}}
            """
        #expect(
            figures(report) == [
                .init(label: "waybill_kafka_queue_messages", value: 3), .init(label: "waybill_kafka_queue_bytes", value: 400),
                .init(label: "waybill_kafka_broker_rtt_seconds", value: 0.0015, dimensions: ["broker", "1"]),
                .init(label: "waybill_kafka_broker_up", value: 1, dimensions: ["broker", "1"]),
                .init(label: "waybill_kafka_consumer_lag", value: 17, dimensions: ["topic", "orders", "partition", "0"]),
            ])
        for text in ["", "{", "[]", "{\"brokers\": 3, \"topics\": [1]}"] { #expect(figures(text)?.isEmpty ?? true) }
    }

    @Test("the lag of a partition that went to another member goes to zero, once, and comes back with it")
    func lostPartition() throws {
        let statistics = KafkaStatistics(client: "billing")
        func lags(_ partitions: String) throws -> [String: Double] {
            let json = Array("{\"topics\": {\"orders\": {\"partitions\": {\(partitions)}}}}".utf8)
            let figures = try #require(json.withUnsafeBufferPointer { KafkaStatistics.figures($0) })
            return Dictionary(uniqueKeysWithValues: statistics.completed(figures).map { ($0.dimensions.last ?? "", $0.value) })
        }
        let mine = "\"0\": {\"consumer_lag\": 17, \"fetch_state\": \"active\"}"
        #expect(try lags("\(mine), \"1\": {\"consumer_lag\": 4, \"fetch_state\": \"active\"}") == ["0": 17, "1": 4])
        // The library goes on telling what it last knew.
        let lost = "\(mine), \"1\": {\"consumer_lag\": 4, \"fetch_state\": \"none\"}"
        #expect(try lags(lost) == ["0": 17, "1": 0])
        #expect(try lags(lost) == ["0": 17])
        #expect(try lags("\"0\": {\"consumer_lag\": -1}, \"1\": {\"consumer_lag\": 3}") == ["0": 0, "1": 3])
    }

    @Test("topics get no more replicas than there are brokers, and are not made where nothing could be published to them")
    func replicas() throws {
        var configuration = KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
        let log = TestLog()
        func creation(brokers: Int) -> KafkaTopicCreation { KafkaTopicCreation(configuration, brokers: brokers, logger: log.logger) }
        #expect(creation(brokers: 1).replicas == nil && creation(brokers: 1).properties["min.insync.replicas"] == nil, "the cluster's own default")
        configuration.replicationFactor = 3
        #expect([0, 1, 3, 5].map { creation(brokers: $0).replicas } == [1, 1, 3, 3])
        // What the leader alone has is not published, where somebody else could have it.
        #expect([1, 2, 3, 5].map { creation(brokers: $0).properties["min.insync.replicas"] } == ["1", "2", "2", "2"])
        try creation(brokers: 3).checkReplicas()
        #expect(log.lines.isEmpty)
        try creation(brokers: 2).checkReplicas()
        #expect(log.lines.contains { $0.contains("fewer replicas") })
        configuration.topicProperties["min.insync.replicas"] = "2"
        #expect(creation(brokers: 1).properties["min.insync.replicas"] == "2", "whoever says so has it")
        try creation(brokers: 2).checkReplicas()
        #expect(throws: BrokerError.self) { try creation(brokers: 1).checkReplicas() }
    }

    @Test("findings say what is wrong with a topic and what to do")
    func findings() {
        var cluster = KafkaCluster(brokers: ["a:1", "b:1"])
        cluster.topics["orders"] = .init(partitions: 4, leaderless: 0, replicas: 2)
        #expect(KafkaAdministration.finding("orders", 4, in: cluster).verdict == .ok)
        #expect(KafkaAdministration.finding("orders", 8, in: cluster).verdict == .warn)
        #expect(KafkaAdministration.finding("stock", 4, in: cluster).verdict == .fail)
        let few = KafkaAdministration.finding("orders", 4, copies: 3, in: cluster)
        #expect(few.verdict == .warn && few.words.contains("the configuration says 3") && few.advice.contains("add brokers (there are 2)"))
        cluster.topics["orders"]?.replicas = 1
        #expect(KafkaAdministration.finding("orders", 4, in: cluster).verdict == .warn)
        #expect(KafkaAdministration.finding("orders", 4, copies: 1, in: cluster).verdict == .ok, "whoever wants one copy has it")
        cluster.topics["orders"]?.leaderless = 1
        let worst = KafkaAdministration.finding("orders", 4, in: cluster)
        #expect(worst.verdict == .fail && !worst.advice.isEmpty)
    }
}
