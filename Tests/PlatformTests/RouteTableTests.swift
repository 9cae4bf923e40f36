import HTTPTypes
import Testing
import Web

@testable import Gateway

/// Paths that are written out beside paths with parameters.
@Suite("Route table")
struct RouteTableTests {
    private static let paths: [(HTTPRequest.Method, String)] = [
        (.get, "/letters/{id}"), (.delete, "/letters/{letter}"), (.post, "/letters/redrive"), (.get, "/letters/redrives"), (.get, "/letters/{id}/log"),
    ]
    private static let table = RouteTable(paths.map { method, path in Route(method, path, access: .everyone) { _ in .text("") } })

    private static func match(_ method: HTTPRequest.Method, _ path: String) -> String {
        switch table.match(method, path.split(separator: "/").map(String.init)) {
        case .found(let index, let parameters): "\(index) \(parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined())"
        case .methodNotAllowed(let methods): methods.map(\.rawValue).sorted().joined(separator: " ")
        case .notFound: "nothing"
        }
    }

    @Test(
        "a path that is written out has its own methods only, and is no value of another's parameter",
        arguments: [
            ("POST", "/letters/redrive", "2 "), ("GET", "/letters/redrive", "POST"), ("DELETE", "/letters/redrive", "POST"), ("GET", "/letters/redrives", "3 "),
            ("DELETE", "/letters/redrives", "GET HEAD"), ("GET", "/letters/7", "0 id=7"), ("DELETE", "/letters/7", "1 letter=7"),
            ("PUT", "/letters/7", "DELETE GET HEAD"), ("HEAD", "/letters/7", "0 id=7"), ("HEAD", "/letters/redrives", "3 "),
            ("HEAD", "/letters/redrive", "POST"),
            ("GET", "/letters/redrive/log", "4 id=redrive"), ("GET", "/letters", "nothing"),
        ])
    func precedence(_ method: String, _ path: String, _ expected: String) throws {
        let method = try #require(HTTPRequest.Method(rawValue: method))
        #expect(RouteTableTests.match(method, path) == expected)
    }
}
