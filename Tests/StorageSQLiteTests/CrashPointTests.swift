import Testing

@testable import Storage

@Suite("Crash points")
struct CrashPointTests {
    @Test("a plan ends the process at the n-th passing of its own point, and at no other")
    func counting() throws {
        let plan = try #require(CrashPlan("orders.before-commit:3"))
        #expect(plan.point == "orders.before-commit")
        let passings = ["orders.before-commit", "orders.after-commit", "orders.before-commit", "inventory.before-commit", "orders.before-commit"]
        #expect(passings.map(plan.isLast) == [false, false, false, false, true])
        #expect(!plan.isLast("orders.before-commit"), "it dies once")
    }

    @Test("what is no point and number is no plan", arguments: ["", "orders.before-commit", ":1", "a:", "a:0", "a:-1", "a:x", "a:1:2"])
    func nonsense(_ text: String) { #expect(CrashPlan(text) == nil) }

    @Test("a point that nobody asked for does nothing, whoever passes it")
    func unset() { for point in CrashPoint.allCases { point.reached(in: "orders") } }
}
