import TestDocuments
import Testing
import Wire

@testable import Contracts

@Suite("Choreography")
struct ChoreographyTests {
    typealias Step = Choreography.Step
    typealias Reaction = Choreography.Reaction

    /// Reactions whose absence no rule about events can find: what they say is also said elsewhere, or they say nothing.
    private static let unprovable: Set<String> = [
        "OrderConfirmed notifications", "OrderConfirmed payments", "PaymentRefunded notifications", "OrderShipped inventory", "OrderShipped notifications",
    ]

    @Test("the declared saga has no gap")
    func complete() { #expect(Choreography.gaps() == []) }

    @Test("without any one of its reactions the saga has a gap")
    func missingReactions() {
        var unfound: Set<String> = []
        for (index, step) in Choreography.steps.enumerated() {
            for removed in step.reactions.indices {
                var steps = Choreography.steps
                var reactions = step.reactions
                let service = reactions.remove(at: removed).service
                steps[index] = Step(event: step.event, producer: step.producer, reactions: reactions, undoneBy: step.undoneBy)
                if Choreography.gaps(in: steps).isEmpty { unfound.insert("\(step.event.type) \(service)") }
            }
        }
        #expect(unfound == ChoreographyTests.unprovable)
    }

    @Test("a step that takes something and names no way back is a gap, and so is a way back that is not declared")
    func missingUndo() {
        for (index, step) in Choreography.steps.enumerated() where step.undoneBy != nil {
            var steps = Choreography.steps
            steps[index] = Step(event: step.event, producer: step.producer, reactions: step.reactions, undoneBy: nil)
            #expect(Choreography.gaps(in: steps) == ["\(step.event.type) takes something and names no event that gives it back"])
        }
        for (index, step) in Choreography.steps.enumerated() {
            for other in Choreography.steps where other.undoneBy?.type == step.event.type {
                var steps = Choreography.steps
                steps.remove(at: index)
                #expect(Choreography.gaps(in: steps).contains("\(other.event.type) is undone by \(step.event.type), which is not declared"))
            }
        }
    }

    @Test("an event that is declared twice or not at all is a gap")
    func declaredOnce() {
        for index in Choreography.steps.indices {
            var (fewer, more) = (Choreography.steps, Choreography.steps)
            let type = fewer.remove(at: index).event.type
            more.append(Choreography.steps[index])
            #expect(Choreography.gaps(in: fewer).contains("\(type) must be declared exactly once"))
            #expect(Choreography.gaps(in: more).contains("\(type) must be declared exactly once"))
        }
    }

    @Test("a service that says what belongs to another is a gap")
    func foreignEvents() {
        var steps = Choreography.steps
        let step = steps[0]
        steps[0] = Step(
            event: step.event, producer: step.producer,
            reactions: step.reactions + [Reaction(service: .payments, action: "reserves", emits: [InventoryReserved.self])],
            undoneBy: step.undoneBy)
        #expect(Choreography.gaps(in: steps) == ["payments emits InventoryReserved, which belongs to inventory"])
    }

    @Test("a service subscribes to exactly the events that it is declared to react to, an observer to all")
    func subscriptions() {
        for service in Choreography.Participant.allCases {
            let declared = Set(Choreography.steps.filter { step in step.reactions.contains { $0.service == service } }.map { $0.event.type })
            let isObserver = service == .analytics || service == .operations
            #expect(Choreography.subscriptions(of: service) == (isObserver ? nil : declared))
            #expect(isObserver == declared.isEmpty)
        }
    }

    @Test("an event's topic is named after the service that says it")
    func topics() {
        for step in Choreography.steps { #expect(step.event.topic == step.producer.rawValue, "\(step.event.type)") }
    }

    @Test("docs/saga.md shows the declared reactions and the diagram")
    func document() throws {
        let document = Document("docs/saga.md")
        let table = ChoreographyTests.table()
        #expect(try document.part("reactions", regeneratedAs: table) == table)
        let diagram = "```mermaid\n\(Choreography.diagram)```\n"
        #expect(try document.part("diagram", regeneratedAs: diagram) == diagram)
    }

    private static func table() -> String {
        var lines = ["| event | from | reacted to by | undone by |", "| --- | --- | --- | --- |"]
        for step in Choreography.steps {
            let reactions = step.reactions.map { "\($0.service.rawValue) \($0.action)" }.joined(separator: "; ")
            lines.append("| \(step.event.type) | \(step.producer.rawValue) | \(reactions) | \(step.undoneBy.map { $0.type } ?? "") |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
