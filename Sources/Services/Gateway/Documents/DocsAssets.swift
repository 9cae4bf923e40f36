import Foundation

/// The scripts and styles of the interactive page: Swagger UI, from a folder that `scripts/setup` fills, and what starts it.
public struct DocsAssets: Sendable {
    struct File: Sendable {
        let contentType: String
        let bytes: [UInt8]
    }

    /// What is served, by name; nothing else of the folder is.
    let files: [String: File]
    /// Changes when a file does: part of the paths, so that browsers may keep the files for ever.
    let version: String

    /// No file of Swagger UI is as large.
    private static let maximumBytes = 8 << 20

    /// Reads the files. This blocks: it is done while the platform starts.
    /// - Returns: nil where the folder does not have them all.
    public init?(folder: String) {
        var files = ["start.js": File(contentType: "text/javascript; charset=utf-8", bytes: Array(DocsAssets.start.utf8))]
        for (name, type) in [("swagger-ui.css", "text/css; charset=utf-8"), ("swagger-ui-bundle.js", "text/javascript; charset=utf-8")] {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)"), data.count <= DocsAssets.maximumBytes, !data.isEmpty else { return nil }
            files[name] = File(contentType: type, bytes: Array(data))
        }
        self.files = files
        version = DocsAssets.fingerprint(files)
    }

    /// FNV-1a of 64 bits over all files: tells versions apart, and is no defence against anybody who may write them.
    private static func fingerprint(_ files: [String: File]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for (_, file) in files.sorted(by: { $0.key < $1.key }) {
            file.bytes.withUnsafeBufferPointer { for byte in $0 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 } }
        }
        return String(hash, radix: 16)
    }

    /// Tokens are not kept when the page is left.
    private static let start = """
        window.onload = function () {
          window.ui = SwaggerUIBundle({
            url: "/openapi.json",
            dom_id: "#swagger-ui",
            presets: [SwaggerUIBundle.presets.apis],
            layout: "BaseLayout",
            deepLinking: true,
            docExpansion: "list",
            defaultModelsExpandDepth: 0,
            displayRequestDuration: true,
            filter: true,
            persistAuthorization: false,
            tryItOutEnabled: true,
            validatorUrl: null
          });
        };
        """
}
