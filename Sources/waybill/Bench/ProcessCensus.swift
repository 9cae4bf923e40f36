import Foundation

/// The CPU time of many processes of this machine: what an order costs everywhere, where the platform is split and its engines work too.
///
/// Linux only, from `/proc`.
struct ProcessCensus: Sendable, Equatable {
    /// One process at one moment.
    struct Entry: Sendable, Equatable {
        let parent: Int32
        /// Ticks after the machine's start; with the process id it tells a process from a later one of that id.
        let started: UInt64
        /// What its figures are added to: the command, and of `waybill` the services.
        let name: String
        /// User and system time of the process in clock ticks.
        let ticks: UInt64
        /// The same of its children that have ended and were waited for: a server's short-lived workers.
        let childTicks: UInt64
        /// Its arguments and its working directory, in which a pattern is looked for.
        let place: String
    }

    /// By process id.
    let entries: [Int32: Entry]

    /// The processes whose arguments or working directory contain one of `patterns`, and all that these have started.
    ///
    /// Neither the asking process counts nor what it was started by: a shell has the pattern in its arguments as well.
    func matching(_ patterns: [String], asker: Int32) -> ProcessCensus {
        var ancestors: Set<Int32> = []
        var next = asker
        while let entry = entries[next], ancestors.insert(next).inserted { next = entry.parent }
        var chosen = Set(entries.filter { id, entry in !ancestors.contains(id) && patterns.contains { entry.place.contains($0) } }.keys)
        var grows = true
        while grows {
            let more = entries.filter { id, entry in chosen.contains(entry.parent) && !chosen.contains(id) && !ancestors.contains(id) }.keys
            chosen.formUnion(more)
            grows = !more.isEmpty
        }
        return ProcessCensus(entries: entries.filter { chosen.contains($0.key) })
    }

    /// CPU time from `earlier` to now, by name, in clock ticks.
    ///
    /// What a process used that has ended is found with its parent, if that is in the census; else it is left out, and never negative.
    func ticks(since earlier: ProcessCensus) -> [String: Int64] {
        var ticks: [String: Int64] = [:]
        for entry in entries.values { ticks[entry.name, default: 0] += Int64(clamping: entry.ticks &+ entry.childTicks) }
        for (id, entry) in earlier.entries {
            let lives = entries[id]?.started == entry.started
            guard lives || entries[entry.parent] != nil else { continue }
            // The parent's own name has the time of a child that has ended.
            let name = lives ? entry.name : entries[entry.parent]?.name ?? entry.name
            ticks[name, default: 0] -= Int64(clamping: entry.ticks &+ entry.childTicks)
        }
        return ticks.mapValues { max(0, $0) }
    }

    /// The same in microseconds.
    func microseconds(since earlier: ProcessCensus) -> [String: Double] {
        ticks(since: earlier).mapValues { Double($0) * 1e6 / Double(ProcessCensus.ticksPerSecond) }
    }
}

extension ProcessCensus {
    /// Clock ticks in a second of CPU time.
    static var ticksPerSecond: Int { max(1, sysconf(Int32(_SC_CLK_TCK))) }

    /// All processes that can be read; empty where there is no `/proc`.
    static func all() -> ProcessCensus {
        let ids = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
        var entries: [Int32: Entry] = [:]
        // A process may end between two of these reads: then it is not there.
        for id in ids { entries[id] = read(id) }
        return ProcessCensus(entries: entries)
    }

    private static func read(_ id: Int32) -> Entry? {
        guard let stat = contents("/proc/\(id)/stat") else { return nil }
        let arguments = (contents("/proc/\(id)/cmdline") ?? "").split(separator: "\0").map(String.init)
        let folder = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/cwd")) ?? ""
        return Entry(stat: stat, arguments: arguments, folder: folder)
    }

    private static func contents(_ path: String) -> String? {
        (try? FileBytes.read(path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension ProcessCensus.Entry {
    /// - Parameters:
    ///   - stat: the line of `/proc/PID/stat` (proc(5)); nil if it is none.
    ///   - folder: the working directory.
    init?(stat: String, arguments: [String], folder: String) {
        // The command stands in brackets and may hold blanks and brackets itself; the fields are counted behind the last.
        guard let open = stat.firstIndex(of: "("), let close = stat.lastIndex(of: ")"), open < close else { return nil }
        let command = stat[stat.index(after: open)..<close]
        let fields = stat[stat.index(after: close)...].split(whereSeparator: \.isWhitespace)
        guard fields.count > 19, let parent = Int32(fields[1]), let started = UInt64(fields[19]) else { return nil }
        // User, system, and both of the children that were waited for.
        let times = fields[11...14].compactMap { UInt64($0) }
        guard times.count == 4 else { return nil }
        self.parent = parent
        self.started = started
        (ticks, childTicks) = (times[0] &+ times[1], times[2] &+ times[3])
        let services = arguments.firstIndex(of: "--services").map { arguments[arguments.index(after: $0)...].prefix(1) } ?? []
        name = ([String(command)] + services).joined(separator: " ")
        place = (arguments + [folder]).joined(separator: " ")
    }
}
