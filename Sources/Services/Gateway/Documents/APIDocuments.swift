import HTTPTypes
import Synchronization
import Web
import Wire

/// What the entry tells of itself: `/openapi.json`, `/asyncapi.json` and the pages at `/docs`. Nothing of it is made before somebody asks.
struct APIDocuments: Sendable {
    private let document: OpenAPIDocument
    private let openAPI: LateBytes
    private let asyncAPI: LateBytes?
    private let assets: DocsAssets?

    /// - Parameters:
    ///   - api: routes below `/api/v1`.
    ///   - root: routes at the root; those of the documents are added here.
    ///   - events: the document of the events; nil for none.
    ///   - assets: the interactive page's scripts; nil for the plain page.
    init(api: [Route], root: [Route], events: (@Sendable () -> JSONValue)?, assets: DocsAssets?) {
        let own = [Route(.get, "/openapi.json", .showOpenAPI, access: .everyone) { _ in .json { _ in } }]
        let events = events.map { events in LateBytes { Array(events().compact.utf8) } }
        let told = events == nil ? own : own + [Route(.get, "/asyncapi.json", .showAsyncAPI, access: .everyone) { _ in .json { _ in } }]
        let document = OpenAPIDocument(api: api, root: root + told)
        self.document = document
        openAPI = LateBytes { Array(document.json.compact.utf8) }
        (asyncAPI, self.assets) = (events, assets)
    }

    /// The routes, all at the root.
    var routes: [Route] {
        let page = DocsPage(document: document, assets: assets)
        var routes = [
            Route(.get, "/openapi.json", .showOpenAPI, access: .everyone) { [openAPI] _ in APIDocuments.answer(openAPI) },
            Route(.get, "/docs", access: .everyone) { _ in page.interactive },
            Route(.get, "/docs/plain", access: .everyone) { _ in page.plain },
        ]
        if let asyncAPI { routes.append(Route(.get, "/asyncapi.json", .showAsyncAPI, access: .everyone) { _ in APIDocuments.answer(asyncAPI) }) }
        if let assets {
            routes.append(
                Route(.get, "/docs/assets/{version}/{file}", access: .everyone) { request in
                    guard request.parameters["version"] == assets.version, let file = request.parameters["file"].flatMap({ assets.files[$0] }) else {
                        throw Problem.notFound("file")
                    }
                    return WebResponse(
                        status: .ok,
                        headers: [.contentType: file.contentType, .cacheControl: "public, max-age=31536000, immutable"], body: .bytes(file.bytes))
                })
        }
        return routes
    }

    private static func answer(_ document: LateBytes) -> WebResponse { .json(headers: [.cacheControl: "no-cache"], bytes: document.value) }
}

/// Bytes that are made when they are first asked for.
final class LateBytes: Sendable {
    private let made = Mutex<[UInt8]?>(nil)
    private let make: @Sendable () -> [UInt8]

    init(_ make: @escaping @Sendable () -> [UInt8]) { self.make = make }

    var value: [UInt8] {
        made.withLock { made in
            if let made { return made }
            let bytes = make()
            made = bytes
            return bytes
        }
    }
}
