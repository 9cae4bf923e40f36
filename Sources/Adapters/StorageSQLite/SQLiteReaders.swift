import Dispatch
import Storage
import Synchronization

/// Connections that read beside the writer, each on a queue of its own, used in turn.
final class SQLiteReaders: Sendable {
    private struct Reader: @unchecked Sendable {
        let queue: DispatchQueue
        /// Opened on the queue when first used; touched there only.
        let connection: Slot
    }
    private final class Slot { var connection: SQLiteConnection? }

    private let path: String
    private let readers: [Reader]
    private let next = Atomic<Int>(0)

    init(name: String, path: String, count: Int) {
        self.path = path
        readers = (0..<max(1, count)).map { Reader(queue: DispatchQueue(label: "waybill.sqlite.\(name).reader\($0)"), connection: Slot()) }
    }

    func read<T: Sendable>(_ body: @escaping @Sendable (any ReadTransaction) throws -> T) async throws -> T {
        let reader = readers[abs(next.wrappingAdd(1, ordering: .relaxed).oldValue % readers.count)]
        return try await withCheckedThrowingContinuation { continuation in
            reader.queue.async { continuation.resume(with: Result { try self.run(reader, body) }) }
        }
    }

    private func run<T>(_ reader: Reader, _ body: (any ReadTransaction) throws -> T) throws -> T {
        let connection = try reader.connection.connection ?? open()
        reader.connection.connection = connection
        try connection.beginReading()
        defer { if !connection.isIdle { try? connection.commit() } }
        return try body(SQLiteTransaction(connection))
    }

    private func open() throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: path, isReader: true)
        try connection.run("PRAGMA query_only=ON; PRAGMA busy_timeout=5000; PRAGMA cache_size=-2048; PRAGMA trusted_schema=OFF")
        return connection
    }

    func close() async {
        for reader in readers {
            await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
                reader.queue.async {
                    reader.connection.connection?.close()
                    reader.connection.connection = nil
                    done.resume()
                }
            }
        }
    }
}
