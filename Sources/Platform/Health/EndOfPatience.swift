import ServiceLifecycle
import Storage

/// Once the entry is closed nobody waits for a database server that is away: what cannot be written is found by the next start, and a process that waited for it at every
/// write of its end would be killed meanwhile.
struct EndOfPatience: Service, CustomStringConvertible {
    let databases: [any Database]
    var description: String { "patience" }

    func run() async throws {
        // Told to stop, or cut off because the entry did not come to its end.
        try? await gracefulShutdown()
        for database in databases { database.endPatience() }
    }
}
