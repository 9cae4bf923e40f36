import HTTPTypes
import Web
import Wire

/// What a client knows of an order already, by the headers of its request, and what an answer tells it for the next.
///
/// Every answer about one order names its version (`Waybill-Version`). A client that sends the highest one it has seen of an order as `Waybill-Min-Version` is never shown
/// an older one, whichever process answers it, and may be answered without the database being asked. Without the header the answer is always what the database
/// says at this moment.
struct OrderVersion: Sendable {
    /// The highest version that the client has seen; nil where it does not say.
    let minimum: Int64?
    /// The client's entity tags; nil where there are none.
    private let tags: [Substring]?
    private let isAnyTag: Bool

    /// - Throws: ``Problem`` 400 for a version that is no number.
    init(_ request: WebRequest) throws(Problem) {
        if let text = request.headers[.waybillMinVersion] {
            guard let number = Int64(text), number >= 0 else {
                throw Problem(
                    .badRequest, "bad-min-version", "The header Waybill-Min-Version must be the number of an order's version, as Waybill-Version told it.")
            }
            minimum = number
        } else {
            minimum = nil
        }
        let list = request.headers[.ifNoneMatch]
        tags = list?.split(separator: ",").map { OrderVersion.opaque($0) }
        isAnyTag = tags == ["*"]
    }

    /// The version that a revision is of.
    static func version(of revision: Int64) -> Int64 { revision / 2 }

    /// Whether the client has this revision.
    func knows(_ revision: Int64) -> Bool { isAnyTag || tags?.contains { $0 == OrderVersion.opaqueTag(revision) } ?? false }

    /// Whether the client has named what it has.
    var knowsSomething: Bool { tags != nil }

    /// The headers of an answer that shows an order.
    static func headers(_ revision: Int64) -> HTTPFields {
        // Other caches may keep the answer, and must ask before they show it again: an order's status never goes back.
        var headers: HTTPFields = [.cacheControl: "private, no-cache"]
        headers[.waybillVersion] = String(version(of: revision))
        headers[.eTag] = "W/\(opaqueTag(revision))"
        return headers
    }

    /// Weak (RFC 9110, 8.8.1): another release may write the same order with more members.
    private static func opaqueTag(_ revision: Int64) -> String { revision % 2 == 0 ? "\"\(version(of: revision))\"" : "\"\(version(of: revision))n\"" }

    /// A tag of a list without blanks and without its mark of weakness, which this comparison does not care for (RFC 9110, 13.1.2).
    private static func opaque(_ tag: Substring) -> Substring {
        var tag = tag.drop { $0 == " " || $0 == "\t" }
        while tag.last == " " || tag.last == "\t" { tag.removeLast() }
        return tag.hasPrefix("W/") ? tag.dropFirst(2) : tag
    }
}

extension WebResponse {
    /// The answer with the version of the order that it shows: of `order`, or what its body says, where it is the repeated answer to an earlier request.
    func tellingVersion(of order: Order? = nil) -> WebResponse {
        var response = self
        if let order {
            response.headers[.waybillVersion] = String(order.state.version)
        } else if response.headers[.waybillVersion] == nil, case .bytes(let bytes) = body,
            let version = try? JSONParser.parse(bytes).object?["version"]?.integer
        {
            response.headers[.waybillVersion] = String(version)
        }
        return response
    }
}

extension HTTPField.Name {
    /// The version of the order that an answer shows.
    static let waybillVersion = HTTPField.Name("Waybill-Version") ?? .eTag
    /// The highest version of the order that the client has seen.
    static let waybillMinVersion = HTTPField.Name("Waybill-Min-Version") ?? .ifMatch
}
