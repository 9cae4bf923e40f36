import ArgumentParser
import Foundation
import Testing
import WaybillClient
import Web

@testable import waybill

@Suite("In whose name commands speak")
struct CredentialsTests {
    /// A folder in which no platform is.
    private let nowhere = LocalPlace(flags: ["data": "/nonexistent/waybill"])

    private func find(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Credentials {
        try Credentials.find(try ConnectionOptions.parse(arguments), role: .admin, place: nowhere, environment: environment)
    }

    private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try await body(path)
    }

    @Test("A flag comes before the environment, and a token of this machine after both")
    func order() async throws {
        let environment = ["WAYBILL_TOKEN": "of-the-environment", "WAYBILL_TOKEN_FILE": "/nonexistent/token"]
        let flag = try find(["--token", "of-the-flag"], environment)
        #expect(flag.origin == .option)
        #expect(try await flag.tokens?.token() == "of-the-flag")
        let variable = try find([], environment)
        #expect(variable.origin == .variable("WAYBILL_TOKEN"))
        #expect(try await variable.tokens?.token() == "of-the-environment")
        try await withFile("of-the-file\n") { path async throws in
            for credentials in [try find(["--token-file", path], environment), try find([], ["WAYBILL_TOKEN": "", "WAYBILL_TOKEN_FILE": path])] {
                #expect(credentials.origin == .file(path))
                #expect(try await credentials.tokens?.token() == "of-the-file")
            }
        }
        let none = try find([])
        #expect(none.origin == .none && none.tokens == nil)
    }

    @Test("A file is read once, as long as its token is accepted")
    func fileAgain() async throws {
        try await withFile("first") { path async throws in
            let tokens = try #require(try find(["--token-file", path]).tokens)
            #expect(try await tokens.token() == "first")
            try "second".write(toFile: path, atomically: true, encoding: .utf8)
            // The one that is in use is not read again before it is refused, and not at once after it was read.
            #expect(try await tokens.token() == "first")
            #expect(await !tokens.isReplaceable("first"))
        }
    }

    @Test(
        "What is no token is refused before anything is sent",
        arguments: [
            ["--token", "Bearer x"], ["--token", "a\nb"], ["--token-file", "/nonexistent/token"], ["--token", "x", "--token-file", "y"], ["--token", ""],
        ])
    func refused(arguments: [String]) {
        #expect(throws: (any Error).self) { try find(arguments) }
    }

    @Test("Every command that talks to a platform takes a token, and says where it may come from")
    func commands() throws {
        for arguments in [
            ["orders", "list"], ["inventory", "list"], ["events", "tail"], ["analytics", "dashboard"], ["dlq", "list"], ["audit"], ["doctor"], ["demo"],
            ["bench", "load"], ["bench", "hot"], ["bench", "overload"], ["replay", "file.csv"], ["orders", "place", "--sku", "A:1"],
        ] {
            #expect(throws: Never.self, "\(arguments)") { try Waybill.parseAsRoot(arguments + ["--token-file", "x", "--ca-file", "y"]) }
            #expect(throws: (any Error).self, "\(arguments)") { try Waybill.parseAsRoot(arguments + ["--token", "x", "--token-file", "y"]) }
        }
        #expect(Waybill.helpMessage(for: OrdersListCommand.self).contains("WAYBILL_TOKEN"))
    }

    @Test("A refusal says what to do about it")
    func advice() throws {
        func words(_ status: Int, _ origin: Credentials.Origin) throws -> String {
            try #require(AccessRefused(APIError(status: status, body: Array(#"{"title":"No","detail":"no"}"#.utf8)), origin)).description
        }
        #expect(try words(401, .none).contains("waybill token"))
        #expect(try words(401, .made(keys: "./data")).contains("./data"))
        #expect(try words(401, .file("/run/token")).contains("/run/token"))
        #expect(try words(403, .variable("WAYBILL_TOKEN")).contains("WAYBILL_TOKEN"))
        #expect(AccessRefused(APIError(status: 404, body: []), .none) == nil && AccessRefused(ClientError.shutDown, .none) == nil)
    }

    @Test("Customers of a bench have a token each, which must last for the run")
    func customers() async throws {
        let mint = LocalMint(keys: "a test") { role, subject in IssuedToken("\(role.rawValue):\(subject)", lifetime: .seconds(60)) }
        let customers = try await BenchCustomers(3, mint: mint, lasting: .seconds(60))
        #expect(customers.headers.map { $0[1].1 } == (0..<3).map { "Bearer customer:bench-00000\($0)" })
        await #expect(throws: BenchFailure.self) { _ = try await BenchCustomers(1, mint: mint, lasting: .seconds(61)) }
        await #expect(throws: CredentialsError.self) { _ = try await BenchCustomers(1, mint: nil, lasting: .zero) }
        let template = OrderTemplate(products: 5, customers: 3)
        var random = SplitMix64(seed: 3)
        for _ in 0..<20 {
            let (number, body) = template.order(using: &random)
            #expect((0..<3).contains(number) && String(decoding: body, as: UTF8.self).contains("\"\(BenchCustomers.subject(number))\""))
        }
    }

    @Test("The user of this machine is named in letters that every log takes")
    func subject() {
        #expect(LocalMint.subject(["USER": "jo.doe"]) == "cli-jo.doe")
        #expect(LocalMint.subject(["USER": "a\nb\"c\u{1b}[31m\u{2028}"]) == "cli-abc31m")
        #expect(LocalMint.subject([:]) == "cli-local")
    }
}
