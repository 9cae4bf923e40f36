import Wire

/// Reading a list in pages: `limit`, and an opaque `cursor` that names the last row of the page before.
public struct Page: Sendable {
    public let limit: Int
    /// The last identifier of the page before; nil for the first page.
    public let after: Identifier?

    /// The page that a request asks for.
    /// - Throws: ``Problem`` 400.
    public init(_ request: WebRequest, maximum: Int = 500, default value: Int = 50) throws(Problem) {
        limit = try request.integer("limit", in: 1...maximum, default: value)
        guard let cursor = try request.parameter("cursor") else {
            after = nil
            return
        }
        guard let id = Page.decode(cursor) else { throw Problem.badParameter("cursor", "is not one that was given out") }
        after = id
    }

    /// A list of rows and the cursor of the next page, when there is one.
    /// - Parameter rows: up to `limit + 1` rows; the one beyond the limit tells that there is more.
    public func response<Element>(_ rows: [Element], id: (Element) -> Identifier, _ write: (inout JSONWriter, Element) -> Void) -> WebResponse {
        let shown = rows.prefix(limit)
        return .json(capacity: 256 * (shown.count + 1)) { json in
            json.key("items")
            json.array(shown, write)
            if rows.count > limit, let last = shown.last { json.member("nextCursor", Page.cursor(of: id(last))) }
        }
    }

    /// The cursor behind a row: the UUID's digits turned around behind a letter, so that nobody takes it for an id to be made up.
    public static func cursor(of id: Identifier) -> String { "c" + String(id.digits.reversed()) }

    private static func decode(_ cursor: String) -> Identifier? {
        guard cursor.count == 33, cursor.first == "c" else { return nil }
        let digits = Array(cursor.dropFirst().reversed())
        let groups = [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
        return Identifier(groups.map { String($0) }.joined(separator: "-"))
    }
}
