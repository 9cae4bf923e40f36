import Testing

@testable import WaybillClient

/// One after the other, because some of them measure time.
@Suite("HTTP client", .serialized, .timeLimit(.minutes(1)))
struct HTTPClientTests {
    @Test("A request arrives whole, and the response comes back whole", arguments: ClientScheme.allCases)
    func exchange(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (server, client) async throws in
            let response = try await client.send(
                ClientRequest(method: "POST", path: "/orders?x=1", headers: [("Accept", "text/plain")], body: Array("content".utf8)))
            #expect(response.status == 200 && response.text == "POST /orders?x=1 content")
            #expect(response.header("X-HOST") == "127.0.0.1:\(server.port)" && response.header("x-none") == nil)
            #expect(response.headers.contains { $0 == ("content-length", "24") })
            #expect(try await client.send(ClientRequest(method: "HEAD", path: "/")).body.isEmpty)
            #expect(try await client.send(ClientRequest(method: "DELETE", path: "/orders/1")).text == "DELETE /orders/1 ")
            #expect(try await client.send(ClientRequest(path: "/chunks")).text == "first\nsecond\r\nthird\nlast")
            let large = [UInt8](repeating: 0x78, count: 3 << 20)
            #expect(try await client.send(ClientRequest(method: "PUT", path: "/p", body: large)).body.count == large.count + 7)
        }
    }

    @Test("Requests one after the other use one connection", arguments: ClientScheme.allCases)
    func keepAlive(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (server, client) async throws in
            for _ in 0..<20 { _ = try await client.send(ClientRequest(path: "/")) }
            #expect(server.connections == 1)
        }
    }

    @Test("Many concurrent requests share few connections, and each gets its own answer", arguments: ClientScheme.allCases)
    func concurrent(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 3) { (server, client) async throws in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<500 {
                    group.addTask {
                        let body = Array("body \(number)".utf8)
                        return try await client.send(ClientRequest(method: "POST", path: "/\(number)", body: body)).text == "POST /\(number) body \(number)"
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            #expect(server.seen.withLock { $0.mostOpen } <= 3)
        }
    }

    @Test("A response that does not come is an error in time, and the connection is not used again", arguments: ClientScheme.allCases)
    func timeout(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 1, timeout: .seconds(1)) { (server, client) async throws in
            await #expect(throws: ClientError.timedOut(.response, after: .seconds(1))) { try await client.send(ClientRequest(path: "/silent")) }
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            #expect(server.connections == 2)
        }
    }

    @Test("The time spent waiting for a connection counts", arguments: ClientScheme.allCases)
    func queueTimeout(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 1, timeout: .seconds(1)) { (server, client) async throws in
            let errors = await withTaskGroup(of: ClientError?.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        do {
                            _ = try await client.send(ClientRequest(path: "/silent"))
                            return nil
                        } catch { return error as? ClientError }
                    }
                }
                return await group.reduce(into: [ClientError?]()) { $0.append($1) }
            }
            #expect(errors.filter { $0 == .timedOut(.response, after: .seconds(1)) }.count >= 1)
            #expect(errors.allSatisfy { if case .timedOut = $0 { true } else { false } })
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }

    @Test("A request may have less time than the client gives, also on a connection and in a queue of those that have more", arguments: ClientScheme.allCases)
    func ownTimeout(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 1) { (server, client) async throws in
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
            await #expect(throws: ClientError.timedOut(.response, after: .milliseconds(80))) {
                try await client.send(ClientRequest(path: "/silent"), timeout: .milliseconds(80))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await client.send(ClientRequest(path: "/silent"), timeout: .seconds(2)) }
                while !server.requests.dropFirst(2).contains("GET /silent") { await Task.yield() }
                group.addTask { _ = try await client.send(ClientRequest(path: "/queued"), timeout: .seconds(15)) }
                let started = ContinuousClock.now
                await #expect(throws: ClientError.timedOut(.connection, after: .milliseconds(80))) {
                    try await client.send(ClientRequest(path: "/queued"), timeout: .milliseconds(80))
                }
                #expect(ContinuousClock.now - started < .seconds(1))
                await #expect(throws: ClientError.timedOut(.response, after: .seconds(2))) { try await group.next() }
                try await group.waitForAll()
            }
        }
    }

    @Test("A response beyond the limit is refused", arguments: ClientScheme.allCases)
    func tooLarge(scheme: ClientScheme) async throws {
        try await withServer(scheme, bodyLimit: 1 << 20) { (_, client) async throws in
            await #expect(throws: ClientError.tooLarge(limitBytes: 1 << 20)) { try await client.send(ClientRequest(path: "/big")) }
        }
    }

    @Test("A cancelled request ends at once and frees its place", arguments: ClientScheme.allCases)
    func cancellation(scheme: ClientScheme) async throws {
        try await withServer(scheme, connections: 1) { (server, client) async throws in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        await #expect(throws: CancellationError.self) { try await client.send(ClientRequest(path: "/silent")) }
                    }
                }
                while server.requests.isEmpty { await Task.yield() }
                group.cancelAll()
            }
            #expect(try await client.send(ClientRequest(path: "/")).status == 200)
        }
    }

    @Test("What cannot be sent is refused before it is sent", arguments: ClientScheme.allCases)
    func invalidRequests(scheme: ClientScheme) async throws {
        try await withServer(scheme) { (server, client) async throws in
            for request in [
                ClientRequest(path: "orders"), ClientRequest(path: "/a b"), ClientRequest(path: "/é"), ClientRequest(method: "GE T", path: "/"),
                ClientRequest(path: "/", headers: [("a", "b\r\nc: d")]), ClientRequest(path: "/", headers: [("a:", "b")]),
                ClientRequest(path: "/", headers: [("Content-Length", "3")]), ClientRequest(path: "/", headers: [("transfer-encoding", "chunked")]),
            ] {
                await #expect {
                    try await client.send(request)
                } throws: {
                    if case ClientError.invalidRequest = $0 { true } else { false }
                }
            }
            #expect(server.requests.isEmpty)
        }
    }
}
