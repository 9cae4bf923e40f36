import ArgumentParser
import Platform
import Testing

@testable import waybill

@Suite("Crash points")
struct CrashPointTests {
    @Test("the relays' places exist where a broker carries the events, and nowhere else, so that no test waits for what is never passed")
    func relays() throws {
        #expect(WaybillPlatform.brokerCrashPoints.contains("orders.after-publish"))
        #expect(Set(WaybillPlatform.crashPoints).isDisjoint(with: WaybillPlatform.brokerCrashPoints))
        try ServeCommand.checkCrashPoint("orders.after-publish:2", hasBroker: true)
        #expect(throws: ValidationError.self) { try ServeCommand.checkCrashPoint("orders.after-publish:2", hasBroker: false) }
        for hasBroker in [false, true] {
            try ServeCommand.checkCrashPoint("orders.after-commit:1", hasBroker: hasBroker)
            try ServeCommand.checkCrashPoint(nil, hasBroker: hasBroker)
            #expect(throws: ValidationError.self) { try ServeCommand.checkCrashPoint("orders.nowhere:1", hasBroker: hasBroker) }
        }
    }
}
