import Foundation

/// The package as its manifest declares it.
struct PackageLayout: Decodable {
    struct Target: Decodable {
        let name: String
        let type: String
        let path: String?
        let dependencies: [Dependency]

        var layer: Layer? { Layer(path: path ?? "") }
    }

    /// The name of a target or product that something depends on.
    struct Dependency: Decodable {
        let name: String

        private struct Kind: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Kind.self)
            guard let kind = container.allKeys.first else { throw CocoaError(.coderValueNotFound) }
            var values = try container.nestedUnkeyedContainer(forKey: kind)
            name = try values.decode(String.self)
        }
    }

    let targets: [Target]

    /// The repository's root.
    static let root: URL = {
        var url = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        while url.lastPathComponent != "Tests", url.path != "/" { url.deleteLastPathComponent() }
        return url.deletingLastPathComponent()
    }()

    /// Asks SwiftPM. It gets a scratch folder of its own, because the one of the package is locked while its tests run.
    static func load() throws -> PackageLayout {
        let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-layout-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["swift", "package", "--package-path", root.path, "--scratch-path", scratch.path, "dump-package"]
        // With every engine that there is: the layout holds for all of them, whatever this build has.
        process.environment = ProcessInfo.processInfo.environment.merging(["WAYBILL_ENGINES": "all"]) { _, all in all }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return try JSONDecoder().decode(PackageLayout.self, from: data)
    }
}

/// What a target is, by the folder it lies in, and what it may know.
enum Layer: String, CaseIterable {
    case system = "Sources/System/"
    case kit = "Sources/Kits/"
    case contracts = "Sources/Contracts"
    case service = "Sources/Services/"
    case adapter = "Sources/Adapters/"
    case platform = "Sources/Platform"
    case simulation = "Sources/Simulation"
    case client = "Sources/WaybillClient"
    case command = "Sources/waybill"
    case test = "Tests/"

    init?(path: String) {
        guard let layer = Layer.allCases.first(where: { path.hasPrefix($0.rawValue) }) else { return nil }
        self = layer
    }

    /// The arrows of the design. A kit may know a kit; no service knows another, and only the platform knows the adapters.
    var mayKnow: Set<Layer> {
        switch self {
        case .system: []
        case .kit: [.kit, .system]
        case .contracts: [.kit]
        case .service: [.contracts, .kit]
        case .adapter: [.contracts, .kit, .system]
        // It asks services in other processes by the client that everybody has.
        case .platform: [.service, .adapter, .client, .contracts, .kit]
        // It surrounds the platform, and knows of its inside what it watches and drives.
        case .simulation: [.platform, .service, .adapter, .contracts, .kit]
        // It encrypts by a library of the system, without knowing the adapters.
        case .client: [.contracts, .kit, .system]
        case .command: [.platform, .simulation, .client, .contracts, .kit, .system]
        case .test: Set(Layer.allCases)
        }
    }
}

/// A Swift file of `Sources`.
struct SourceFile {
    /// The path below the root.
    let path: String
    let lines: [Substring]

    /// The modules that it imports.
    var imports: [String] {
        lines.compactMap { line in
            var words = line.split(separator: " ").map(String.init)[...]
            while let first = words.first, first.hasPrefix("@") || ["public", "internal", "package", "private", "fileprivate"].contains(first) {
                words.removeFirst()
            }
            guard words.first == "import", var module = words.dropFirst().first else { return nil }
            if ["struct", "class", "enum", "protocol", "typealias", "func", "var", "let"].contains(module), let named = words.dropFirst(2).first {
                module = named
            }
            return module.split(separator: ".").first.map(String.init)
        }
    }

    static func all() throws -> [SourceFile] {
        let folder = PackageLayout.root.appendingPathComponent("Sources")
        guard let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else { return [] }
        return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }.map { url in
            let text = try String(contentsOf: url, encoding: .utf8)
            return SourceFile(path: "Sources" + url.path.dropFirst(folder.path.count), lines: text.split(separator: "\n", omittingEmptySubsequences: false))
        }
    }
}
