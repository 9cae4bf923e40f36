import Foundation

/// The folder of the databases, held by one process at a time.
final class DataFolder: Sendable {
    let path: String
    private let lock: Int32

    /// Makes the folder if need be and locks it.
    /// - Throws: ``PlatformError`` when it cannot be made, or another process holds it.
    init(_ path: String) throws {
        self.path = path
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw PlatformError("cannot make the data folder \(path): \(error.localizedDescription)")
        }
        lock = open(path + "/waybill.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { throw PlatformError("cannot write to the data folder \(path): \(String(cString: strerror(errno)))") }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw PlatformError("the data folder \(path) is in use by another waybill; stop it, or choose another folder with --data")
        }
    }

    deinit { close(lock) }
}

/// Why a platform cannot start, in words for the person who started it.
public struct PlatformError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
