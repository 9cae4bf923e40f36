import Foundation
import Testing

@testable import waybill

@Suite("Census of processes")
struct ProcessCensusTests {
    private typealias Entry = ProcessCensus.Entry

    private func entry(_ name: String, parent: Int32, _ ticks: Int, children: Int = 0, started: Int = 7, _ arguments: [String] = [], in folder: String = "/")
        throws -> Entry
    {
        let zeros = Array(repeating: "0", count: 9).joined(separator: " ")
        return try #require(
            Entry(stat: "99 (\(name)) S \(parent) \(zeros) \(ticks) 1 \(children) 0 20 0 1 0 \(started) 0 0", arguments: arguments, folder: folder))
    }

    @Test("A line of stat is read behind the last bracket, and a service has its name")
    func stat() throws {
        let read = try entry("odd) (name", parent: 5, 40, children: 3, started: 77, ["waybill", "serve", "--services", "orders"], in: "/srv")
        #expect(read.name == "odd) (name orders" && read.parent == 5 && read.started == 77)
        #expect(read.ticks == 41 && read.childTicks == 3 && read.place == "waybill serve --services orders /srv")
        #expect(Entry(stat: "1 (x) S 1", arguments: [], folder: "") == nil && Entry(stat: ")(", arguments: [], folder: "") == nil)
    }

    @Test("A pattern chooses by arguments and folder, with all descendants, without who asks and those above it")
    func matching() throws {
        let all = ProcessCensus(entries: [
            1: try entry("init", parent: 0, 1),
            10: try entry("bash", parent: 1, 1, ["bench", "/run/cluster"]),
            11: try entry("waybill", parent: 10, 1, ["waybill", "bench", "--processes", "/run/cluster"]),
            12: try entry("sleep", parent: 11, 1),
            20: try entry("bash", parent: 10, 1, ["scripts/cluster", "--dir", "/run/cluster"]),
            21: try entry("waybill", parent: 20, 1, ["waybill", "serve"]),
            30: try entry("postgres", parent: 1, 1, in: "/run/cluster/engines/postgres"),
            31: try entry("postgres", parent: 30, 1),
            40: try entry("postgres", parent: 1, 1, in: "/elsewhere"),
        ])
        let chosen = all.matching(["/run/cluster"], asker: 11).entries.keys.sorted()
        #expect(chosen == [20, 21, 30, 31])
        let none = all.matching(["/nowhere"], asker: 11).entries
        #expect(none.isEmpty)
    }

    @Test("Time is counted once: of those that live, of those that came, and of children that ended with their parent")
    func difference() throws {
        let before = ProcessCensus(entries: [
            1: try entry("postgres", parent: 0, 100),
            2: try entry("postgres", parent: 1, 50),
            3: try entry("waybill", parent: 0, 500),
            4: try entry("redis-server", parent: 0, 10, started: 1),
        ])
        let after = ProcessCensus(entries: [
            // Process 2 ended at 60 ticks, which its parent has now.
            1: try entry("postgres", parent: 0, 110, children: 61),
            // Process 3 ended, and nobody knows what it used; another has come.
            5: try entry("waybill", parent: 0, 30),
            // The id was given out again.
            4: try entry("redis-server", parent: 0, 5, started: 2),
        ])
        let ticks = after.ticks(since: before)
        #expect(ticks == ["postgres": 20, "waybill": 31, "redis-server": 6])
    }

    @Test("This process is found by its own folder, and its time goes on")
    func live() throws {
        let folder = FileManager.default.currentDirectoryPath
        let first = ProcessCensus.all()
        let own = try #require(first.entries[getpid()])
        #expect(own.place.contains(folder))
        var work = 0
        while ProcessCensus.all().entries[getpid()]?.ticks == own.ticks, work < 100_000 { work += 1 }
        let used = ProcessCensus.all().microseconds(since: first)
        #expect((used[own.name] ?? 0) > 0)
    }
}
