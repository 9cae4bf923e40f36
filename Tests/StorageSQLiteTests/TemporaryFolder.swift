import Foundation

/// A folder of its own for one test.
struct TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("waybill-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    func path(_ name: String) -> String { url.appendingPathComponent(name).path }

    func copy(_ name: String, to other: TemporaryFolder) throws {
        try FileManager.default.copyItem(atPath: path(name), toPath: other.path(name))
    }

    func remove() { try? FileManager.default.removeItem(at: url) }
}
