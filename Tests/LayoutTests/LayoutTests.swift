import Testing

@Suite("Layout")
struct LayoutTests {
    private let layout: PackageLayout
    private let files: [SourceFile]
    private let targets: [String: PackageLayout.Target]

    init() throws {
        layout = try PackageLayout.load()
        files = try SourceFile.all()
        targets = Dictionary(layout.targets.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The target that a file belongs to: the one with the longest path that holds it.
    private func target(of file: SourceFile) -> PackageLayout.Target? {
        layout.targets.filter { file.path.hasPrefix(($0.path ?? "?") + "/") }.max { ($0.path ?? "").count < ($1.path ?? "").count }
    }

    /// Arrows that the design does not have, each with its reason.
    private static let exceptions: Set<String> = [
        // `waybill doctor` measures what a durable commit costs on a machine where no platform runs yet.
        "waybill -> StorageSQLite"
    ]

    /// Why one target may not know another; nil if it may.
    static func objection(_ from: PackageLayout.Target, _ to: PackageLayout.Target) -> String? {
        guard let (lower, upper) = to.layer.flatMap({ to in from.layer.map { (to, $0) } }) else { return "\(from.name) or \(to.name) lies in no known folder" }
        if upper == .contracts, to.name != "Wire" { return "Contracts may know Wire only, not \(to.name)" }
        if exceptions.contains("\(from.name) -> \(to.name)") { return nil }
        return upper.mayKnow.contains(lower) ? nil : "\(from.name) (\(upper)) must not know \(to.name) (\(lower))"
    }

    @Test("every target lies in a folder that says what it is, and every folder has its target")
    func folders() {
        #expect(layout.targets.count > 20)
        for target in layout.targets { #expect(target.layer != nil, "\(target.name) lies in \(target.path ?? "no folder")") }
        #expect(files.count > 100)
        for file in files { #expect(target(of: file) != nil, "\(file.path) belongs to no target") }
    }

    @Test("dependencies point downwards: nothing knows what lies above or beside it")
    func declaredArrows() {
        for from in layout.targets {
            for to in from.dependencies.compactMap({ targets[$0.name] }) { #expect(LayoutTests.objection(from, to) == nil) }
        }
    }

    @Test("a file imports only what its target declares, and nothing above or beside it")
    func imports() throws {
        for file in files {
            let from = try #require(target(of: file))
            let declared = Set(from.dependencies.map(\.name))
            for to in file.imports.compactMap({ targets[$0] }) where to.name != from.name {
                #expect(LayoutTests.objection(from, to) == nil, "\(file.path)")
                #expect(declared.contains(to.name), "\(file.path) imports \(to.name), which \(from.name) does not declare")
            }
        }
    }

    @Test("the rules object to what the design forbids")
    func rules() throws {
        func objects(_ from: String, _ to: String) throws -> Bool { LayoutTests.objection(try #require(targets[from]), try #require(targets[to])) != nil }
        for (from, to) in [
            ("Orders", "Inventory"), ("Orders", "StorageSQLite"), ("Orders", "Platform"), ("Wire", "Contracts"), ("Messaging", "StorageSQLite"),
            ("Web", "Orders"),
            ("Contracts", "Storage"), ("StorageSQLite", "Orders"), ("StorageSQLite", "PaymentSimulator"), ("Orders", "CSQLite"), ("Gateway", "Orders"),
            ("GraphQL", "Contracts"),
        ] { #expect(try objects(from, to), "\(from) -> \(to)") }
        for (from, to) in [
            ("Orders", "Contracts"), ("Orders", "Messaging"), ("PaymentSimulator", "Contracts"), ("StorageSQLite", "CSQLite"), ("Contracts", "Wire"),
            ("Messaging", "Wire"), ("Security", "CCrypto"),
        ] {
            #expect(try !objects(from, to), "\(from) -> \(to)")
        }
    }

    @Test("import lines are found in all their forms")
    func importLines() {
        let file = SourceFile(
            path: "x", lines: ["import A", "@testable import B", "public import struct C.D", "@_exported import E.F", "// import G", "let x = 1", "important"])
        #expect(file.imports == ["A", "B", "C", "E"])
    }

    @Test("only tests and simulations know of events' versions that do not exist")
    func hypotheticalVersions() {
        let allowed = ["Sources/Kits/Wire/", "Sources/Contracts/NextVersions.swift", "Sources/Simulation/"]
        let knowing = files.filter { file in file.lines.contains { $0.contains("NextVersions") || $0.contains("HypotheticalVersion") } }.map(\.path)
        #expect(knowing.contains("Sources/Contracts/NextVersions.swift"))
        for path in knowing { #expect(allowed.contains { path.hasPrefix($0) }, "\(path)") }
    }

    @Test("no file has more than 400 lines")
    func size() {
        for file in files { #expect(file.lines.count <= 401, "\(file.path) has \(file.lines.count - 1) lines") }
    }

    @Test("no file is named after nothing in particular")
    func names() {
        for file in files {
            let name = file.path.split(separator: "/").last ?? ""
            for word in ["Utils", "Common", "Helper", "Manager"] { #expect(!name.contains(word), "\(file.path)") }
        }
    }
}
