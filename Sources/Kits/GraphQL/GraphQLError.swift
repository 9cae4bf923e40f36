import Wire

/// A place in a document, counted from 1; columns are characters (Unicode scalars).
public struct SourceLocation: Sendable, Hashable {
    public let line: Int
    public let column: Int
    public init(line: Int, column: Int) { (self.line, self.column) = (line, column) }
}

/// A step on the way to a value in the answer.
public enum PathElement: Sendable, Hashable {
    case key(String)
    case index(Int)
}

/// Something that is wrong with a document, or that went wrong for one field (GraphQL, October 2021, 7.1.2).
public struct GraphQLError: Error, Sendable, Equatable {
    /// What happened, for people.
    public var message: String
    /// Where in the document.
    public var locations: [SourceLocation]
    /// Which value of the answer is null because of it; nil for what is wrong with the whole request.
    public var path: [PathElement]?
    /// Further members for programs; ``code`` is one of them.
    public var extensions: JSONObject

    public init(_ message: String, code: String, at locations: [SourceLocation] = [], path: [PathElement]? = nil, extensions: [JSONObject.Member] = []) {
        (self.message, self.locations, self.path) = (message, locations, path)
        self.extensions = JSONObject(members: [.init(key: "code", value: .string(code))] + extensions.filter { $0.key != "code" })
    }

    /// The kind of error, stable, for programs.
    public var code: String { extensions["code"]?.string ?? "" }

    /// Writes it as an object.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("message", message)
            if !locations.isEmpty {
                json.key("locations")
                json.array(locations) { json, location in
                    json.object { json in
                        json.member("line", location.line)
                        json.member("column", location.column)
                    }
                }
            }
            if let path {
                json.key("path")
                json.array(path) { json, element in
                    switch element {
                    case .key(let key): json.string(key)
                    case .index(let index): json.integer(index)
                    }
                }
            }
            json.key("extensions")
            json.value(.object(extensions))
        }
    }
}

extension GraphQLError {
    static func syntax(_ message: String, _ location: SourceLocation) -> GraphQLError { GraphQLError(message, code: "syntax-error", at: [location]) }
    static func invalid(_ message: String, _ locations: SourceLocation...) -> GraphQLError { GraphQLError(message, code: "invalid-document", at: locations) }
    static func tooMuch(_ message: String, _ locations: SourceLocation...) -> GraphQLError { GraphQLError(message, code: "too-complex", at: locations) }
}

/// Everything that is wrong with a request that was not executed.
public struct GraphQLRefusal: Error, Sendable, Equatable {
    /// At least one.
    public let errors: [GraphQLError]
    public init(_ errors: [GraphQLError]) { self.errors = errors }
}
