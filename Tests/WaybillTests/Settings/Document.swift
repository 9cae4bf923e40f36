import Foundation

/// A document of the repository with parts that are made from the code, between `<!-- generated: name -->` and `<!-- end -->`.
///
/// A test compares them. With `WAYBILL_REGENERATE=1` in the environment they are written instead, which is how a change of the code gets into them.
struct Document {
    /// Whether documents and golden files are to be written.
    static let isRegenerating = ProcessInfo.processInfo.environment["WAYBILL_REGENERATE"] == "1"
    let url: URL

    /// - Parameter path: below the repository's root.
    init(_ path: String, file: String = #filePath) {
        var root = URL(fileURLWithPath: file)
        while root.lastPathComponent != "Tests", root.path != "/" { root.deleteLastPathComponent() }
        url = root.deletingLastPathComponent().appendingPathComponent(path)
    }

    /// The part between the markers, nil where the document has none.
    func part(_ name: String) throws -> String? {
        let text = try String(contentsOf: url, encoding: .utf8)
        guard let start = text.range(of: "<!-- generated: \(name) -->\n"), let end = text.range(of: "<!-- end -->", range: start.upperBound..<text.endIndex)
        else {
            return nil
        }
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// What stands in the document, after it was replaced if that is wished.
    func part(_ name: String, regeneratedAs content: String) throws -> String? {
        guard Document.isRegenerating, let old = try part(name) else { return try part(name) }
        let opening = "<!-- generated: \(name) -->\n"
        let text = try String(contentsOf: url, encoding: .utf8).replacingOccurrences(of: opening + old, with: opening + content)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return try part(name)
    }
}
