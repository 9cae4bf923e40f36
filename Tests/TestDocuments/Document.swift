import Foundation

/// A document of the repository, or a golden file. Documents have parts that are made from the code, between `<!-- generated: name -->` and `<!-- end -->`.
///
/// A test compares them. With `WAYBILL_REGENERATE=1` in the environment they are written instead, which is how a change of the code gets into them.
public struct Document: Sendable {
    /// Whether documents and golden files are to be written.
    public static let isRegenerating = ProcessInfo.processInfo.environment["WAYBILL_REGENERATE"] == "1"
    public let url: URL

    /// - Parameters:
    ///   - path: below the repository's root.
    ///   - file: a file of the repository's tests, by which the root is found: the caller's.
    public init(_ path: String, file: String = #filePath) {
        var root = URL(fileURLWithPath: file)
        while root.lastPathComponent != "Tests", root.path != "/" { root.deleteLastPathComponent() }
        url = root.deletingLastPathComponent().appendingPathComponent(path)
    }

    /// The part between the markers, nil where the document has none.
    public func part(_ name: String) throws -> String? {
        let text = try String(contentsOf: url, encoding: .utf8)
        guard let start = text.range(of: "<!-- generated: \(name) -->\n"), let end = text.range(of: "<!-- end -->", range: start.upperBound..<text.endIndex)
        else {
            return nil
        }
        return String(text[start.upperBound..<end.lowerBound])
    }

    /// What stands in the document, after it was replaced if that is wished.
    public func part(_ name: String, regeneratedAs content: String) throws -> String? {
        guard Document.isRegenerating, let old = try part(name) else { return try part(name) }
        let opening = "<!-- generated: \(name) -->\n"
        let text = try String(contentsOf: url, encoding: .utf8).replacingOccurrences(of: opening + old, with: opening + content)
        try text.write(to: url, atomically: true, encoding: .utf8)
        return try part(name)
    }

    /// The whole of a golden file, after it was replaced if that is wished.
    public func text(regeneratedAs content: String) throws -> String {
        if Document.isRegenerating { try content.write(to: url, atomically: true, encoding: .utf8) }
        return try String(contentsOf: url, encoding: .utf8)
    }
}
