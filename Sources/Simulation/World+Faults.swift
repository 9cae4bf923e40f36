import Contracts
import Messaging
import Storage
import StorageSQLite
import Wire

/// What goes wrong, where the tape says so.
extension World {
    func providerFate() -> ProviderFate {
        var fate = ProviderFate()
        if let outage, !isHealed, outage.contains(time.elapsed) {
            count(.provider)
            fate.reachesProvider = false
            return fate
        }
        guard choices.happens(perMille: rates[.provider] * 3) else {
            fate.requestMilliseconds = choices.pick([5, 20, 200])
            fate.replyMilliseconds = choices.pick([5, 20, 200])
            return fate
        }
        count(.provider)
        switch choices.choose(5) {
        case 0: fate.reachesProvider = false
        case 1: fate.isAnswered = false
        case 2: fate.requestMilliseconds = 12_000 + choices.choose(20_000)
        case 3: fate.replyMilliseconds = 12_000 + choices.choose(20_000)
        default:
            fate.requestMilliseconds = choices.choose(9_000)
            fate.replyMilliseconds = choices.choose(9_000)
        }
        return fate
    }

    /// Called at the points of a commit.
    func reached(_ point: CommitPoint, _ database: String) throws {
        guard !isHealed else { return }
        // A start takes some twenty commits; it must get through now and then.
        let share = process?.isReady == true ? 1 : 8
        if point == .beforeCommit, choices.happens(perMille: rates[.storage] / 2 / share) {
            count(.storage)
            mark(.diskFull)
            note("\(database): the commit fails, the disk is full")
            throw StorageError.full("planted by the simulation")
        }
        guard choices.happens(perMille: rates[.crash] / 3 / share) else { return }
        mark(point == .beforeCommit ? .crashBeforeCommit : .crashBeforePublish)
        note("\(database): the process dies \(point == .beforeCommit ? "before" : "after") a commit")
        throw SteppedDatabase.Death()
    }

    /// A body as a producer of the release in force writes it.
    func written(_ body: [UInt8]) throws -> [UInt8] { isMixed ? try NextVersions.all.reduce(body) { try $1.rewrite($0) } : body }

    /// Lets a handler fail for an event: a few times, so that the retries bring it through, or once too often, so that it becomes a dead letter.
    func poison(_ events: [Envelope], consumer: String) throws {
        for event in events {
            let key = "\(consumer) \(event.id)"
            if let left = poisoned[key] {
                if left == 0, !isHealed { mark(.retried) }
                guard left > 0, !isHealed else { continue }
                if events.count == 1 { poisoned[key] = left - 1 }
                throw PlantedFailure()
            }
            guard choices.happens(perMille: rates[.poison] / 4) else {
                if rates[.poison] > 0 { poisoned[key] = World.isHealthy }
                continue
            }
            count(.poison)
            poisoned[key] = choices.choose(6) + (events.count == 1 ? 0 : 1)
            note("\(consumer) fails for \(event.type) of \(name(of: event.key))")
            throw PlantedFailure()
        }
    }
}
