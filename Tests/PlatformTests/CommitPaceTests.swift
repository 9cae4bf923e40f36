import Testing

@testable import Platform

@Suite struct CommitPaceTests {
    @Test(arguments: [0, 3, 25, 100, 200])
    func `who nobody waits for commits more rarely, but not so rarely that its feed overflows`(milliseconds: Int) {
        var configuration = PlatformConfiguration(storage: .memory)
        configuration.commitInterval = .milliseconds(milliseconds)
        let longest = max(configuration.commitInterval, .milliseconds(100))
        for name in ServiceAssembly.databases + ["payment-provider"] {
            let pace = configuration.commitInterval(of: name)
            #expect(pace >= configuration.commitInterval && pace <= longest, "\(name)")
        }
        for name in ["orders", "inventory", "payments", "payment-provider"] {
            #expect(configuration.commitInterval(of: name) == configuration.commitInterval, "an order waits for \(name)")
        }
        #expect(configuration.commitInterval(of: "analytics") == min(configuration.commitInterval * 45, longest))
    }
}
