import Messaging
import Storage

/// Does what an operator does once the cause is mended: has every consumer's dead letters applied, the oldest first.
struct SimulatedOperator: @unchecked Sendable {
    let world: World
    private static let open = SQL("SELECT count(*) FROM dead_letters WHERE state = 0")

    init(world: World) { self.world = world }

    /// Begins; false if nothing is dead.
    func redrive() -> Bool {
        guard let process = world.process, let services = process.services else { return false }
        let count = services.consumers.reduce(0) { count, consumer in
            count + ((try? world.media[consumer.feed.consumer]?.read { try $0.first(SimulatedOperator.open) { $0.integer(0) } }) ?? 0)
        }
        guard count > 0, process.busy.insert("operator").inserted else { return false }
        world.note("an operator redrives \(count) dead letters")
        world.executor.start {
            for desk in services.consumers.map(\.deadLetters) {
                do { try await redriveAll(of: desk) } catch { world.fail("L2", "the dead letters of \(desk.consumer) cannot be redriven: \(error)") }
            }
            process.busy.remove("operator")
        }
        return true
    }

    private func redriveAll(of desk: any DeadLetterDesk) async throws {
        for letter in try await desk.oldest(DeadLetterFilter(), after: nil, limit: .max) {
            let name = "\(letter.type) of \(world.name(of: letter.key))"
            switch try await desk.redrive(letter.eventID, edit: nil, by: "operator", note: nil) {
            case .success:
                world.mark(.redriven)
                world.note("\(desk.consumer) applies \(name) after all")
            case .failure(let refusal): world.fail("L2", "\(desk.consumer) cannot apply \(name): \(refusal)")
            }
        }
    }
}
