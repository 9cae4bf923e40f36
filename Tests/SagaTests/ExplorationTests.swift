import Contracts
import Foundation
import Inventory
import Orders
import Payments
import TestDocuments
import Testing

/// Every state of the saga, over the services' own state machines (RELIABILITY, "How they are tested", 1). `docs/exploration.md` says what is assumed.
///
/// One test at a time: an exploration keeps a thread busy for seconds, and the other suites need theirs.
@Suite("Exploration of the saga", .serialized)
struct ExplorationTests {
    private static let isWide = ProcessInfo.processInfo.environment["WAYBILL_EXPLORE"] == "wide"

    private func expectSound(_ report: Report, atLeast states: Int) {
        #expect(report.broken == nil, "\(report.way.joined(separator: "\n"))")
        guard report.broken == nil else { return }
        #expect(report.states >= states)
        #expect(report.settled > 0)
        #expect(report.canSettle == report.states, "some state cannot settle any more")
        #expect(report.refusedDeliveries > report.states / 2)
    }

    @Test("one order: S1 to S6 hold in every state, nothing rests unsettled, and every state can still settle")
    func oneOrder() {
        expectSound(.oneOrder, atLeast: 50_000)
        expectSound(.soldOut, atLeast: 100)
    }

    @Test("one order, of whose events one is redriven after those behind it: the same")
    func deadLetter() { expectSound(.deadLetter, atLeast: 40_000) }

    @Test("two orders that want the same unit: the same")
    func twoOrders() {
        expectSound(.lastUnit, atLeast: 500_000)
        expectSound(.enough, atLeast: 500_000)
    }

    @Test("two orders whose questions to the provider may be lost: the same", .enabled(if: isWide, "takes minutes; set WAYBILL_EXPLORE=wide"))
    func wide() {
        let report = Report("two orders, one unit, lost questions", .right, Scope(kinds: [.card], tells: false), orders: 2)
        expectSound(report, atLeast: 20_000_000)
        print("\(report.title): \(report.states) states, \(report.steps) steps, \(report.settled) settled")
    }

    @Test("everything remarkable was met")
    func marks() {
        let ofDeadLetters: Set<Mark> = [.cancelFoundNothing, .redrivenLate]
        #expect(Report.oneOrder.marks == Set(Mark.allCases).subtracting(ofDeadLetters).subtracting([.lastUnitContested]))
        #expect(Report.deadLetter.marks.isSuperset(of: ofDeadLetters))
        #expect(Report.lastUnit.marks.contains(.lastUnitContested))
        #expect(!Report.enough.marks.contains(.lastUnitContested))
    }

    @Test("the machines absorb redelivered events by themselves: the inbox is a second wall")
    func withoutInbox() {
        #expect(Report.noInbox.broken == nil, "\(Report.noInbox.way.joined(separator: "\n"))")
        #expect(Report.noInbox.states > 40_000)
        #expect(Report.noInbox.canSettle == Report.noInbox.states)
    }

    @Test("every naive design is found out", arguments: Design.naive)
    func naive(_ design: Design) throws {
        let report = try #require(Report.naive.first { $0.design == design })
        #expect(report.broken?.hasPrefix(ExplorationTests.promise(brokenBy: design)) == true, "\(report.broken ?? "nothing is broken")")
        #expect(!report.way.isEmpty)
    }

    /// What a mistake breaks first.
    private static func promise(brokenBy design: Design) -> String {
        switch design {
        case .noDeduplication: "S1"
        case .freshKeyPerAttempt: "S3"
        case .holdsExpire: "S4"
        case .noTombstone, .cancelIgnoredWhileCharging, .noFence: "S5"
        case .acknowledgeBeforeCommit, .dualWrite, .cursorOutbox: "At rest: the order is CREATED"
        case .right, .noInbox: "nothing"
        }
    }

    @Test("what the services say is what the choreography declares, no more and no less")
    func choreography() {
        let reports = [Report.oneOrder, .soldOut]
        let reactions = reports.reduce(into: Set()) { $0.formUnion($1.reactions) }
        let explored: Set<Choreography.Participant> = [.orders, .inventory, .payments, .notifications]
        for step in Choreography.steps {
            for reaction in step.reactions where explored.contains(reaction.service) {
                let met = reactions.filter { $0.event == step.event.type && $0.listener == reaction.service }
                #expect(!met.isEmpty, "\(reaction.service) never heard \(step.event.type)")
                let declared = Set(reaction.emits.map { $0.type })
                #expect(Set(met.compactMap(\.said)).isSubset(of: declared), "\(step.event.type) at \(reaction.service)")
                // What Payments says when its jobs are done is no reaction of the moment.
                guard reaction.service == .orders || reaction.service == .inventory else { continue }
                #expect(Set(met.compactMap(\.said)) == declared, "\(step.event.type) at \(reaction.service)")
            }
        }
        let said = reports.reduce(into: Set()) { $0.formUnion($1.said) }
        let declared = Choreography.steps.filter { $0.producer != .notifications }.map { $0.event.type }
        #expect(said == Set(declared).subtracting([StockAdjusted.type]))
    }

    @Test("docs/exploration.md shows what was explored, and how the naive designs fail")
    func document() throws {
        let document = Document("docs/exploration.md")
        for (part, text) in [
            ("sizes", ExplorationDocument.sizes), ("marks", ExplorationDocument.marks), ("cells", ExplorationDocument.cells),
            ("counterexamples", ExplorationDocument.counterexamples), ("contest", ExplorationDocument.contest),
        ] {
            #expect(try document.part(part, regeneratedAs: text) == text)
        }
    }
}
