/// A next version of an event that does not exist: what a rolling update would bring. With it tests and simulations let programs of two versions talk, though
/// only one is compiled. Nothing else uses it.
public struct HypotheticalVersion: Sendable {
    /// The event as it is.
    public let type: any Event.Type
    /// The version after today's.
    public var version: Int { type.schemaVersion + 1 }
    /// The oldest version whose readers understand its bodies; see ``Event/readableFrom``.
    public let readableFrom: Int
    /// From a body of today's version to one of the next.
    let upcaster: Upcaster
    /// From a body of the next version to what today's type reads.
    let revert: @Sendable (JSONObject) throws -> JSONObject

    /// - Parameters:
    ///   - change: what the next version changes in a body.
    ///   - revert: undoes it, so that today's type can stand for tomorrow's.
    public init(
        of type: any Event.Type, readableFrom: Int, change: @escaping @Sendable (JSONObject) throws -> JSONObject,
        revert: @escaping @Sendable (JSONObject) throws -> JSONObject
    ) {
        (self.type, self.readableFrom, self.revert) = (type, readableFrom, revert)
        upcaster = Upcaster(from: type.schemaVersion, shape: type.shape, readableFrom: type.readableFrom, change)
    }

    /// A body of today's version as a producer of the next would have written it; one of another type or version is returned as it is.
    /// - Throws: ``JSONSyntaxError``, ``JSONMismatch``.
    public func rewrite(_ body: [UInt8]) throws -> [UInt8] {
        guard case .object(let json) = try JSONParser.parse(body) else { throw JSONMismatch(key: "", expected: "an object") }
        guard try json.string("type") == type.type, try json.integer("schemaVersion") == type.schemaVersion else { return body }
        var next = try upcaster(json).setting("schemaVersion", to: .number(String(version))).removing("readableFrom")
        if readableFrom < version { next = next.setting("readableFrom", to: .number(String(readableFrom))) }
        var writer = JSONWriter(capacity: body.count + 64)
        writer.value(.object(next))
        return writer.bytes
    }
}
