import Storage
import StorageSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Looks at the machine that a platform runs on: its data folder, its SQLite, its drive.
struct ExamineMachine: Sendable {
    private static let leastFree: UInt64 = 100 << 20
    private static let comfortablyFree: UInt64 = 1 << 30
    private static let measured: Duration = .milliseconds(500)
    /// Where the databases are, or will be.
    let folder: String

    func callAsFunction() async -> [Finding] {
        let place: String
        switch existing() {
        case .success(let path): place = path
        case .failure(let finding): return [finding.finding]
        }
        var findings = [writable(place)]
        guard findings[0].verdict != .fail else { return findings }
        findings.append(free(place))
        findings += await sqlite(place)
        findings.append(flushes(place))
        return findings
    }

    private struct Refusal: Error { let finding: Finding }

    /// The folder itself, or the nearest one above it that exists.
    private func existing() -> Result<String, Refusal> {
        var path = folder
        while true {
            var status = stat()
            if stat(path, &status) == 0 {
                guard status.st_mode & S_IFMT == S_IFDIR else {
                    return .failure(Refusal(finding: .fail("data folder", "\(path) is not a folder", "Name another folder with --data.")))
                }
                return .success(path)
            }
            guard let end = path.lastIndex(of: "/") else { return .success(".") }
            path = end == path.startIndex ? "/" : String(path[..<end])
        }
    }

    private func writable(_ place: String) -> Finding {
        let name = place == folder ? folder : "\(folder) (will be made)"
        if access(place, W_OK | X_OK) == 0 { return .ok("data folder", "\(name) is writable") }
        let reason = String(cString: strerror(errno))
        return .fail("data folder", "\(place): \(reason)", "Give this user the right to write there, or name another folder with --data.")
    }

    private func free(_ place: String) -> Finding {
        var status = statvfs()
        guard statvfs(place, &status) == 0 else { return .warn("free space", String(cString: strerror(errno)), "Look with df.") }
        let bytes = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        let words = "\(ProgressLine.grouped(Int(bytes >> 20))) MiB"
        let advice = "Make room: a full disk stops the platform from accepting orders."
        if bytes < ExamineMachine.leastFree { return .fail("free space", words, advice) }
        return bytes < ExamineMachine.comfortablyFree ? .warn("free space", words, advice) : .ok("free space", words)
    }

    /// Opens a database as the platform does, which reads its settings back.
    private func sqlite(_ place: String) async -> [Finding] {
        let path = "\(place)/.waybill-doctor-\(RunName.fresh()).sqlite"
        defer { for end in ["", "-wal", "-shm"] { unlink(path + end) } }
        do {
            let database = try SQLiteDatabase(name: "doctor", path: path)
            let version = try await database.write { try $0.first(SQL("SELECT sqlite_version()")) { $0.text(0) } } ?? "unknown"
            await database.close()
            let parts = version.split(separator: ".").compactMap { Int($0) }
            let isNew = parts.count >= 2 && (parts[0], parts[1]) >= (3, 37)
            return [
                isNew ? .ok("SQLite", "version \(version)") : .fail("SQLite", "version \(version)", "Install 3.37 or later: the tables are STRICT."),
                .ok("durability", "journal_mode=WAL and synchronous=FULL took (read back)"),
            ]
        } catch {
            return [.fail("durability", "\(error)", "The folder's file system must support write-ahead logging; network file systems often do not.")]
        }
    }

    /// How often a second a small write reaches the drive: the bound of commits, of which each serves many orders.
    private func flushes(_ place: String) -> Finding {
        let path = "\(place)/.waybill-doctor-\(RunName.fresh()).flush"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return .warn("flushes", String(cString: strerror(errno)), "They could not be measured.") }
        defer {
            close(descriptor)
            unlink(path)
        }
        let block = [UInt8](repeating: 7, count: 4096)
        let begin = ContinuousClock.now
        var count = 0
        while ContinuousClock.now - begin < ExamineMachine.measured {
            guard write(descriptor, block, block.count) == block.count, fsync(descriptor) == 0 else {
                return .fail("flushes", String(cString: strerror(errno)), "Writing and flushing must work; look at the drive and the kernel's log.")
            }
            count += 1
        }
        let rate = Int(Double(count) / ((ContinuousClock.now - begin) / .seconds(1)))
        let words = "\(ProgressLine.grouped(rate)) fsync/s"
        if rate < 100 { return .warn("flushes", words, "A slow drive: orders still group into commits, but each waits \(1000 / max(1, rate)) ms or more.") }
        if rate > 100_000 { return .warn("flushes", words, "So fast is only memory: data there does not survive the machine (tmpfs?).") }
        return .ok("flushes", words)
    }
}
