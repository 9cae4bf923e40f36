import Messaging
import Storage

extension RabbitMQBroker {
    /// The first version with what is needed: dead-lettering that loses nothing.
    private static let oldestVersion = [3, 10]

    public func examine(_ topology: BrokerTopology) async -> [EngineFinding] {
        let blocked = publishing.blocked
        do {
            return try await requests.perform { [layout, configuration] session in
                let connection = try session.connected()
                let examination = Examination(layout: layout, connection: connection, name: "rabbitmq")
                var findings = [RabbitMQBroker.server(connection.server, configuration)]
                if let blocked {
                    findings.append(.init(.fail, "rabbitmq", "accepts no messages: \(blocked)", advice: "see rabbitmq-diagnostics alarms; free memory or disk"))
                }
                let missing = try examination.missingExchanges(topology)
                findings.append(examination.finding(missing, of: topology))
                // Of a platform that has never been started there is nothing more to say.
                if missing.count == layout.topics(topology).count { return findings }
                for group in topology.groups { findings += try examination.examine(group, partitions: topology.partitions) }
                for topic in layout.keptTopics(topology) { findings.append(try examination.examine(keptTopic: topic)) }
                return findings
            }
        } catch {
            return [.init(.fail, "rabbitmq", "\(configuration): \(error)", advice: RabbitMQBroker.advice(error))]
        }
    }

    private static func advice(_ error: any Error) -> String {
        if case .misconfigured = error as? BrokerError { return "check the address, the user and its permissions on the virtual host" }
        return "check that the broker runs and can be reached from here"
    }

    /// What the server says of itself.
    static func server(_ server: (product: String, version: String), _ configuration: RabbitMQConfiguration) -> EngineFinding {
        let words = "\(server.product) \(server.version) at \(configuration)"
        let numbers = server.version.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
        if server.product == "RabbitMQ", !numbers.lexicographicallyPrecedes(oldestVersion) { return .init(.ok, "rabbitmq", words) }
        return .init(.warn, "rabbitmq", words, advice: "RabbitMQ 3.10 or later is needed for queues that lose nothing")
    }
}

/// Looks at queues, by a connection that is there.
private struct Examination {
    let layout: QueueLayout
    let connection: AMQPConnection
    let name: String

    /// A process that runs makes what is missing when it next publishes or reads; a first start makes all of it.
    private static let startAdvice = "start the platform, or restart a process of it: whoever publishes or reads makes what is missing"

    /// What a queue has to say; nil where it does not exist.
    private func figures(_ queue: String) throws -> QueueFigures? {
        do {
            return try connection.onChannel(TopologyMaker.channel) { try connection.declareQueue($0, queue, .existing) }
        } catch let fault as AMQPFault where fault.isNotFound { return nil }
    }

    func missingExchanges(_ topology: BrokerTopology) throws -> [String] {
        try layout.topics(topology).map(layout.exchange).filter { try !connection.onChannel(TopologyMaker.channel, exists: $0) }
    }

    func finding(_ missing: [String], of topology: BrokerTopology) -> EngineFinding {
        let count = layout.topics(topology).count
        if missing.isEmpty { return .init(.ok, "\(name) exchanges", "all \(count) are there") }
        if missing.count == count {
            return .init(.warn, "\(name) exchanges", "none of the platform's exchanges is there yet", advice: Examination.startAdvice)
        }
        return .init(.fail, "\(name) exchanges", "missing: \(missing.joined(separator: ", "))", advice: Examination.startAdvice)
    }

    func examine(_ group: BrokerTopology.Group, partitions: Int) throws -> [EngineFinding] {
        let queues = layout.queues(group.name, topics: group.topics, partitions: partitions)
        var (ready, idle, missing) = (0, 0, 0)
        for queue in queues {
            guard let figures = try figures(queue.name) else {
                missing += 1
                continue
            }
            ready += figures.ready
            if figures.consumers == 0 { idle += 1 }
        }
        let subject = "\(name) \(group.name)"
        if missing > 0 {
            return [.init(.fail, subject, "\(missing) of \(queues.count) queues are missing", advice: Examination.startAdvice)]
        }
        var findings = [EngineFinding]()
        let words = "\(queues.count) queues, \(queues.count - idle) with a consumer, \(ready) messages wait"
        // Without a consumer nothing is lost, but nothing happens either.
        if idle == queues.count, ready > 0 {
            findings.append(.init(.warn, subject, words, advice: "start the service \(group.name): nobody reads these"))
        } else {
            findings.append(.init(.ok, subject, words))
        }
        // Queues of a partition beyond the last are left from a time when there were more.
        for topic in group.topics {
            guard let figures = try figures(layout.queue(group.name, topic, partitions).name) else { continue }
            let words = "\(topic) has more than \(partitions) partitions; \(figures.ready) messages wait in the next one"
            findings.append(.init(.warn, subject, words, advice: "set the number of partitions back, or delete the queues once they are empty"))
        }
        return findings
    }

    func examine(keptTopic topic: String) throws -> EngineFinding {
        guard let figures = try figures(layout.keeper(topic)) else {
            return .init(.fail, "\(name) \(topic)", "the queue that keeps it is missing", advice: Examination.startAdvice)
        }
        return .init(.ok, "\(name) \(topic)", "\(figures.ready) messages are kept")
    }
}
