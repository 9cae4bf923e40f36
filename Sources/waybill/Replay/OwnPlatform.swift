import Foundation
import Logging
import Platform

/// A platform that a command starts for itself, in a folder that is gone afterwards.
struct OwnPlatform: PlatformLauncher {
    /// It listens on a port that nobody else knows, for a moment, and asks nobody.
    let credentials = Credentials.none

    func withPlatform<T: Sendable>(_ body: @Sendable (String) async throws -> T) async throws -> T {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-\(ProcessInfo.processInfo.processIdentifier)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Before the first logger is made: it would keep the old way of logging.
        let registry = Observing.start(level: .critical)
        var configuration = PlatformConfiguration(storage: .folder(folder))
        configuration.port = 0
        let platform = try WaybillPlatform(configuration, logger: Logger(label: "waybill"), registry: registry)
        let (ports, announce) = AsyncStream<Int>.makeStream()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { announce.finish() }
                do { try await platform.run(handlesSignals: false) { announce.yield($0) } } catch is CancellationError {}
            }
            for await port in ports {
                let result: Result<T, any Error>
                do { result = .success(try await body("http://127.0.0.1:\(port)")) } catch { result = .failure(error) }
                group.cancelAll()
                try await group.waitForAll()
                return try result.get()
            }
            try await group.waitForAll()
            throw PlatformError("the platform did not start")
        }
    }
}
