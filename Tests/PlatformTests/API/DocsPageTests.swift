import Foundation
import Testing
import Wire

/// The pages at `/docs` as a browser gets them.
@Suite("Documentation pages")
struct DocsPageTests {
    @Test("without Swagger UI the page shows every operation and needs no script")
    func plain() async throws {
        try await RunningPlatform.with { platform in
            for path in ["/docs", "/docs/plain"] {
                let response = try await platform.fetch(path)
                let html = String(decoding: response.body, as: UTF8.self)
                #expect(response.status == 200)
                #expect(response.header("Content-Type") == "text/html; charset=utf-8")
                #expect(response.header("Content-Security-Policy")?.hasPrefix("default-src 'none'") == true)
                #expect(!html.contains("<script"))
                for name in ["placeOrder", "listProducts", "runAudit", "showHealth"] { #expect(html.contains("id=\"\(name)\""), "\(name)") }
            }
        }
    }

    @Test("with Swagger UI the page starts it from the platform's own files, which browsers keep, and no other file is given")
    func interactive() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data("/* bundle */".utf8).write(to: URL(fileURLWithPath: "\(folder)/swagger-ui-bundle.js"))
            try Data("/* style */".utf8).write(to: URL(fileURLWithPath: "\(folder)/swagger-ui.css"))
            try Data("secret".utf8).write(to: URL(fileURLWithPath: "\(folder)/secret.txt"))
            try await RunningPlatform.with {
                $0.docsFolder = folder
            } _: { platform in
                let page = try await platform.fetch("/docs")
                let html = String(decoding: page.body, as: UTF8.self)
                let base = try #require(html.firstMatch(of: /src="(\/docs\/assets\/[0-9a-f]+)\/swagger-ui-bundle.js"/).map { String($0.1) })
                #expect(!html.contains("http://") && !html.contains("https://"))
                let bundle = try await platform.fetch("\(base)/swagger-ui-bundle.js")
                #expect(bundle.body == Array("/* bundle */".utf8))
                #expect(bundle.header("Cache-Control") == "public, max-age=31536000, immutable")
                let start = try await platform.fetch("\(base)/start.js")
                #expect(String(decoding: start.body, as: UTF8.self).contains("/openapi.json"))
                for path in ["\(base)/secret.txt", "\(base)/..%2Fsecret.txt", "/docs/assets/0/start.js"] {
                    let status = try await platform.fetch(path).status
                    #expect(status == 404, "\(path)")
                }
            }
        }
    }

    @Test("a folder without Swagger UI is none")
    func incomplete() async throws {
        try await RunningPlatform.with {
            $0.docsFolder = "/nowhere"
        } _: { platform in
            let html = String(decoding: try await platform.fetch("/docs").body, as: UTF8.self)
            #expect(html.contains("id=\"placeOrder\""))
        }
    }
}
