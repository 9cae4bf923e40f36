import Glibc
import Messaging
import Synchronization
import Testing
import Wire

@testable import BrokerRabbitMQ

@Suite(.serialized) struct ZBench {
    private func message(_ key: Int, _ number: Int) -> BrokerMessage {
        BrokerMessage(topic: "orders", key: Identifier(high: 0x0192_0000_0000_7000, low: 0x8000_0000_0000_0000 | UInt64(key)),
            headers: [.init("id", "0192-\(key)-\(number)"), .init("source", "/waybill/orders"), .init("specversion", "1.0"), .init("type", "OrderCreated"), .init("time", "2025-11-21T12:00:00.000Z"), .init("content-type", "application/json"), .init("subject", "x")],
            body: Array("\(number)".utf8) + [UInt8](repeating: 32, count: 600))
    }
    private func cpu() -> Double { var u = rusage(); getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &u); return Double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + Double(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6 }
    @Test func bench() async throws {
        try await withBroker(try TestServer.configuration(), BrokerTopology.orders(partitions: 8)) { broker in
            var c = cpu(); var t = ContinuousClock.now
            for start in stride(from: 0, to: 40_000, by: 500) { try await broker.publish((start..<start + 500).map { message($0 % 500, $0) }) }
            print("publish 500: \(40_000 / seconds(t))/s, cpu us \((cpu() - c) / 0.04)")
            c = cpu(); t = ContinuousClock.now
            let member = try await broker.subscribe(group: "billing", topics: ["orders"], member: "a")
            var n = 0
            while n < 40_000, let d = try await member.next(limit: 500) { n += d.count; await member.acknowledge(d) }
            print("consume: \(40_000 / seconds(t))/s, cpu us \((cpu() - c) / 0.04)")
            var times: [Double] = []
            for i in 0..<300 { let s = ContinuousClock.now; try await broker.publish([message(i, i)]); if let d = try await member.next(limit: 10) { await member.acknowledge(d) }; times.append(seconds(s) * 1000) }
            times.sort(); print("publish+deliver ms p50 \(times[150]) p99 \(times[296])")
            c = cpu(); try await Task.sleep(for: .seconds(5)); print("idle cpu per s \((cpu() - c) / 5)")
        }
    }
    private func seconds(_ t: ContinuousClock.Instant) -> Double { let d = (ContinuousClock.now - t).components; return Double(d.seconds) + Double(d.attoseconds) / 1e18 }
}
