import Messaging
import Storage

extension RabbitMQBroker {
    /// The first version with what is needed: dead-lettering that loses nothing.
    private static let oldestVersion = [3, 10]

    public func examine(_ topology: BrokerTopology?) async -> [EngineFinding] {
        let (topology, blocked) = (topology ?? self.topology, publishing.blocked)
        do {
            return try await requests.perform { [layout, configuration] session in
                let connection = try session.connected()
                let examination = Examination(layout: layout, connection: connection, name: "rabbitmq")
                var findings = [RabbitMQBroker.server(connection.server, configuration)]
                if let blocked {
                    findings.append(.init(.fail, "rabbitmq", "accepts no messages: \(blocked)", advice: "see rabbitmq-diagnostics alarms; free memory or disk"))
                }
                guard let topology else { return findings }
                if try !examination.hasAny(topology) {
                    findings.append(.init(.warn, "rabbitmq queues", "none of the platform's queues is there yet", advice: "start the platform, which makes them"))
                    return findings
                }
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

    /// What a queue has to say; nil where it does not exist.
    private func figures(_ queue: String) throws -> QueueFigures? {
        do {
            return try connection.onChannel(TopologyMaker.channel) { try connection.declareQueue($0, queue, .existing) }
        } catch let fault as AMQPFault where fault.isNotFound { return nil }
    }

    /// Whether there is any queue of a topology: there is none before the platform is started for the first time.
    func hasAny(_ topology: BrokerTopology) throws -> Bool {
        for topic in layout.keptTopics(topology) where try figures(layout.keeper(topic)) != nil { return true }
        for group in topology.groups {
            for queue in layout.queues(group.name, topics: group.topics, partitions: topology.partitions) where try figures(queue.name) != nil { return true }
        }
        return false
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
        if missing > 0 { return [.init(.fail, subject, "\(missing) of \(queues.count) queues are missing", advice: "start a service: it makes them")] }
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
            return .init(.fail, "\(name) \(topic)", "the queue that keeps it is missing", advice: "start a service: it makes it")
        }
        return .init(.ok, "\(name) \(topic)", "\(figures.ready) messages are kept")
    }
}
