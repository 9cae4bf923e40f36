import ArgumentParser
import Wire

/// `/path=value` on the command line: one change of a JSON document.
struct DlqChangeArgument: ExpressibleByArgument, Equatable, Sendable {
    /// The steps of the JSON pointer (RFC 6901), unescaped.
    let path: [String]
    let value: JSONValue

    init?(argument: String) {
        guard argument.first == "/", let end = argument.firstIndex(of: "=") else { return nil }
        path = argument[argument.index(after: argument.startIndex)..<end].split(separator: "/", omittingEmptySubsequences: false).map { step in
            step.split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
                .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
        }
        let text = String(argument[argument.index(after: end)...])
        value = (try? JSONParser.parse(Array(text.utf8))) ?? .string(text)
    }

    /// Why a change does not fit the document.
    struct NoSuchPlace: Error, CustomStringConvertible {
        let path: [String]
        var description: String { "The event has no place /\(path.joined(separator: "/"))." }
    }

    /// The document with the change. A member of an object may be new, an element of an array may not.
    func apply(to document: JSONValue) throws -> JSONValue { try DlqChangeArgument.set(path[...], in: document, to: value, whole: path) }

    private static func set(_ path: ArraySlice<String>, in document: JSONValue, to value: JSONValue, whole: [String]) throws -> JSONValue {
        guard let step = path.first else { return value }
        let rest = path.dropFirst()
        switch document {
        case .object(let object):
            guard object[step] != nil || rest.isEmpty else { throw NoSuchPlace(path: whole) }
            var members: [JSONObject.Member] = []
            for member in object.members {
                members.append(member.key == step ? .init(key: step, value: try set(rest, in: member.value, to: value, whole: whole)) : member)
            }
            if object[step] == nil { members.append(.init(key: step, value: value)) }
            return .object(JSONObject(members: members))
        case .array(var elements):
            guard let index = Int(step), elements.indices.contains(index) else { throw NoSuchPlace(path: whole) }
            elements[index] = try set(rest, in: elements[index], to: value, whole: whole)
            return .array(elements)
        case .null, .bool, .number, .string: throw NoSuchPlace(path: whole)
        }
    }
}
