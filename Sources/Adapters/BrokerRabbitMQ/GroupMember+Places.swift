import Messaging

/// Standing in line for partitions, and giving them up.
extension GroupMember {
    /// How long to wait before standing in line again where the broker has refused that.
    private static let retryAfter: Duration = .milliseconds(500)
    /// How long what was handed out of a partition that is given up may still be acknowledged.
    private static let leaveWithin: Duration = .seconds(5)

    /// Goes to the end of the line for a partition; in a new session.
    func standInLine(_ index: Int) throws {
        guard let connection = session.connection else { return }
        do {
            do { try consume(index, connection) } catch let fault as AMQPFault where fault.isNotFound {
                // The queue was deleted, or the broker has lost all that it had; without it the messages of this group would be lost.
                logger.warning("a queue of RabbitMQ is missing and is made again", metadata: ["queue": "\(plan.queues[index].name)"])
                try TopologyMaker(layout: layout, connection: connection, logger: logger).make(plan.queues[index], of: plan.topology)
                try consume(index, connection)
            }
        } catch let fault as AMQPFault where fault.isOfChannel {
            logger.warning("a queue of RabbitMQ cannot be read", metadata: ["queue": "\(plan.queues[index].name)", "error": "\(fault.brokerError)"])
            retries[index] = ContinuousClock.now + GroupMember.retryAfter * 10
            return
        }
        let place = Place(session: SessionNumbers.next())
        places[index] = place
        indexes[place.session] = index
        retries[index] = nil
    }

    private func consume(_ index: Int, _ connection: AMQPConnection) throws {
        let channel = plan.channel(index)
        try connection.openChannel(channel)
        try connection.setPrefetch(channel, session.configuration.prefetch)
        try connection.consume(channel, plan.queues[index].name, tag: plan.consumerTag, needsAcknowledgement: true)
    }

    /// Gives a partition up at once: what was not acknowledged goes to the next in line, in order.
    private func giveUp(_ index: Int) throws {
        guard let place = forget(index) else { return }
        box.discard(session: place.session)
        try session.connection?.closeChannel(plan.channel(index))
        try handleKept()
    }

    private func forget(_ index: Int) -> Place? {
        guard let place = places[index] else { return nil }
        places[index] = nil
        indexes[place.session] = nil
        commands.outstanding.subtract(place.ledger.outstanding, ordering: .relaxed)
        return place
    }

    /// Gives all partitions up and goes to the end of each line.
    func standInLineAnew() throws {
        for index in plan.order where places[index] != nil { try giveUp(index) }
        for index in plan.order where places[index] == nil && retries[index] == nil { try standInLine(index) }
    }

    /// After the broker has ended a channel or its consumer: what came by it comes again.
    func lostPlace(_ channel: UInt16, isChannelOpen: Bool) throws {
        if channel == GroupMember.presenceChannel { isListening = false }
        guard let index = plan.index(channel), let place = forget(index) else { return }
        box.discard(session: place.session)
        retries[index] = ContinuousClock.now + GroupMember.retryAfter
        if isChannelOpen { try session.connection?.closeChannel(channel) }
    }

    /// Begins to give up a partition that another member should read: what is in memory is forgotten, what was handed out may still be acknowledged, so that as
    /// little as possible is delivered twice.
    func beginToLeave(_ index: Int, _ now: ContinuousClock.Instant) {
        guard let place = places[index], place.leaving == nil else { return }
        let firstUntaken = box.discard(session: place.session).map(BundlePosition.tag)
        // Of a message of which some events were handed out and others not, all come again: inboxes know those.
        let through = firstUntaken.map { $0 - 1 } ?? place.ledger.delivered
        places[index]?.leaving = (through, now + GroupMember.leaveWithin)
        givenUp[index] = (membership.version, now)
    }

    /// Ends what ``beginToLeave(_:_:)`` began where nothing is waited for any more.
    func finishLeaving(_ now: ContinuousClock.Instant) throws {
        for index in places.indices {
            guard let place = places[index], let leaving = place.leaving, place.ledger.lowest > leaving.through || now >= leaving.deadline else { continue }
            try giveUp(index)
            try standInLine(index)
        }
    }

    /// Stands in line again where that failed.
    func retry(_ now: ContinuousClock.Instant) throws {
        for (index, time) in retries where now >= time { try standInLine(index) }
    }
}
