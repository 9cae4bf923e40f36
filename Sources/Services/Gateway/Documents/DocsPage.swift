import HTTPTypes
import Web
import Wire

/// The API's pages for people: an interactive one, and a plain one that needs no scripts.
struct DocsPage: Sendable {
    let document: OpenAPIDocument
    let assets: DocsAssets?

    /// Only the platform's own scripts run. Swagger UI writes style attributes, so styles of its own are let in.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
        frame-ancestors 'none'
        """

    /// Swagger UI over `/openapi.json`; the plain page where its scripts are not there.
    var interactive: WebResponse {
        guard let assets else { return plain }
        let base = "/docs/assets/\(assets.version)"
        return DocsPage.page(
            """
            <link rel="stylesheet" href="\(base)/swagger-ui.css">
            <style>
            body { margin: 0; background: #fafafa; }
            .swagger-ui .info { margin: 24px 0 12px; }
            .swagger-ui .scheme-container { padding: 12px 0; }
            noscript { display: block; padding: 2rem; font: 16px sans-serif; }
            </style>
            <script src="\(base)/swagger-ui-bundle.js" defer></script>
            <script src="\(base)/start.js" defer></script>
            """,
            """
            <div id="swagger-ui"></div>
            <noscript>This page needs scripts; <a href="/docs/plain">the plain one</a> does not.</noscript>
            """)
    }

    /// Every operation on one page.
    var plain: WebResponse {
        var parts: [String] = []
        var tag: APITag?
        for entry in document.entries {
            if entry.operation.tag != tag {
                parts.append("<h2>\(DocsPage.text(entry.operation.tag.name))</h2>\n<p>\(DocsPage.text(entry.operation.tag.about))</p>")
                tag = entry.operation.tag
            }
            parts.append(DocsPage.section(entry))
        }
        let style = """
            <style>
            body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.5 sans-serif; color: #222; }
            h3 { margin-bottom: 0; font-family: monospace; } p { margin: .3rem 0; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
            code, pre { background: #f3f3f3; } pre { padding: .5rem; overflow: auto; } table { border-collapse: collapse; font-size: 14px; }
            </style>
            """
        let head = "<h1>Waybill API</h1>\n<p>For programs: <a href=\"/openapi.json\">openapi.json</a>, <a href=\"/asyncapi.json\">asyncapi.json</a>.</p>"
        return DocsPage.page(style, head + "\n" + parts.joined(separator: "\n"))
    }

    private static func section(_ entry: OpenAPIDocument.Entry) -> String {
        let operation = entry.operation
        var lines = [
            "<h3 id=\"\(text(operation.id))\">\(text(entry.route.method.rawValue)) \(text(entry.path))</h3>", "<p><b>\(text(operation.summary)).</b></p>",
            "<p>\(text(entry.about))</p>",
        ]
        let rows = operation.parameters.map { parameter in
            "<tr><td><code>\(text(parameter.name))</code></td><td>\(parameter.place.rawValue)</td><td>\(text(parameter.about))</td></tr>"
        }
        if !rows.isEmpty { lines.append("<table>\(rows.joined())</table>") }
        if let body = operation.body { lines.append("<pre>\(text(body.example))</pre>") }
        let answers = operation.replies.map { ($0.status, $0.about) } + operation.problems.map { ($0.status, "\($0.type): \($0.about)") }
        let answerRows = answers.sorted { $0.0 < $1.0 }.map { "<tr><td>\($0.0)</td><td>\(text($0.1))</td></tr>" }
        lines.append("<table>\(answerRows.joined())</table>")
        return lines.joined(separator: "\n")
    }

    private static func page(_ head: String, _ body: String) -> WebResponse {
        let html = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Waybill API</title>
            <link rel="icon" href="data:,">
            \(head)
            </head>
            <body>
            \(body)
            </body>
            </html>

            """
        var headers: HTTPFields = [.contentType: "text/html; charset=utf-8", .cacheControl: "no-cache"]
        headers[.contentSecurityPolicy] = policy
        return WebResponse(status: .ok, headers: headers, body: .bytes(Array(html.utf8)))
    }

    /// A text in HTML. What stands in declarations is ours, and is escaped all the same.
    private static func text(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}
