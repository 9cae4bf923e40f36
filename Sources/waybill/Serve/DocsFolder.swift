import Foundation

/// Where the interactive page's files lie, if nobody says so.
enum DocsFolder {
    /// This program's own file.
    static var executable: String {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        return own == "/proc/self/exe" ? Bundle.main.executablePath ?? "" : own
    }

    /// The folder that belongs to a program: of an installation, `../share/waybill/swagger-ui`; of a checkout, where `scripts/setup` puts it. No other folder is looked
    /// at: whoever may write there decides what runs in readers' browsers.
    static func beside(executable: String) -> String? {
        let bin = URL(fileURLWithPath: executable).deletingLastPathComponent()
        var candidates = [bin.deletingLastPathComponent().appendingPathComponent("share/waybill/swagger-ui").path]
        if let build = executable.range(of: "/.build") { candidates.append("\(executable[..<build.lowerBound])/.assets/swagger-ui") }
        return candidates.first { FileManager.default.fileExists(atPath: "\($0)/swagger-ui-bundle.js") }
    }
}
