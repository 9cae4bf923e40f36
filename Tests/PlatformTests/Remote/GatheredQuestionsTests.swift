import Contracts
import Synchronization
import Testing
import Wire

@testable import Platform

@Suite("Questions that are asked together", .timeLimit(.minutes(1)))
struct GatheredQuestionsTests {
    private final class Inventory: Sendable {
        let requests = Mutex<[Int]>([])
        let refused: String?
        init(refusing refused: String? = nil) { self.refused = refused }

        func ask(_ questions: [AvailabilityQuestion]) async throws -> [ProductAvailability?] {
            requests.withLock { $0.append(questions.count) }
            if let refused, questions.contains(where: { $0.sku == refused }) { throw RemoteInventory.Unexpected(description: "422") }
            return questions.map { question in
                question.sku.flatMap { sku in
                    Currency("GBP").map {
                        ProductAvailability(productID: Identifier(high: 1, low: 2), sku: sku, price: Money(minorUnits: 1, currency: $0), available: 1)
                    }
                }
            }
        }
    }

    /// Asks for so many orders at once, each for products of its own.
    /// - Returns: the answers' names by order, without those that were refused.
    private func place(_ orders: Int, _ gathered: GatheredQuestions) async -> [Int: [String?]] {
        await withTaskGroup(of: (Int, [String?]?).self) { group in
            for order in 0..<orders {
                group.addTask {
                    let questions = (0...order % 3).map { AvailabilityQuestion(productID: nil, sku: "\(order)-\($0)") }
                    let answers = try? await gathered.check(questions)
                    return (order, answers?.map { $0?.sku })
                }
            }
            var answers: [Int: [String?]] = [:]
            for await (order, names) in group { answers[order] = names }
            return answers
        }
    }

    private func names(_ order: Int) -> [String?] { (0...order % 3).map { "\(order)-\($0)" } }

    @Test("share requests, and everybody gets the answers to his own")
    func sharing() async {
        let inventory = Inventory()
        let answers = await place(300, GatheredQuestions(interval: .milliseconds(20)) { try await inventory.ask($0) })
        for order in 0..<300 { #expect(answers[order] == names(order)) }
        let requests = inventory.requests.withLock { $0 }
        #expect(requests.count < 150, "\(requests)")
        #expect(requests.reduce(0, +) == 600)
        #expect(requests.allSatisfy { $0 <= GatheredQuestions.maximumQuestions })
    }

    @Test("are not refused for what somebody else has asked")
    func refusal() async {
        let inventory = Inventory(refusing: "7-0")
        let answers = await place(50, GatheredQuestions(interval: .milliseconds(20)) { try await inventory.ask($0) })
        for order in 0..<50 where order != 7 { #expect(answers[order] == names(order)) }
        #expect(answers[7] == nil)
    }

    @Test("go at once when nobody has asked for a while, by the asker's own task")
    func alone() async throws {
        let inventory = Inventory()
        let gathered = GatheredQuestions(interval: .zero) { try await inventory.ask($0) }
        for _ in 0..<3 { _ = try await gathered.check([AvailabilityQuestion(productID: nil, sku: "A")]) }
        #expect(inventory.requests.withLock { $0 } == [1, 1, 1])
    }
}
