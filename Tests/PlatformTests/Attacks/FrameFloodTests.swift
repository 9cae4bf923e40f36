#if ENGINE_TLS
    import Foundation
    import Synchronization
    import Testing
    import Web

    /// HTTP/2 used against the server: each flood ends with its connection, and a client beside it is served. Longer ones, and what they cost
    /// in memory, are `scripts/attack`'s: beside other tests memory says nothing.
    @Suite("Floods of frames", .timeLimit(.minutes(3)), .serialized)
    struct FrameFloodTests {
        /// :method GET, :scheme https, :path /health/live, :authority a (RFC 7541, appendix A).
        private static let get: [UInt8] = [0x82, 0x87, 0x44, 0x0C] + Array("/health/live".utf8) + [0x41, 0x01, 0x61]
        private static let getLarge: [UInt8] = [0x82, 0x87, 0x44, 0x0D] + Array("/api/v1/large".utf8) + [0x41, 0x01, 0x61]
        private static let post: [UInt8] = [0x83, 0x87, 0x44, 0x0C] + Array("/api/v1/take".utf8) + [0x41, 0x01, 0x61]
        private static let routes = [
            Route(.get, "/large", access: .everyone) { _ in .text(String(repeating: "x", count: 4 << 20)) },
            Route(.post, "/take", access: .everyone) { .text("\($0.body.count)") },
        ]

        private func with(_ body: @escaping @Sendable (RunningGateway) async throws -> Void) async throws {
            try await withTemporaryFolder { folder in
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                var edge = EdgeConfiguration()
                edge.tls = try await EncryptedTests.certificate("flood", in: folder)
                (edge.limits.stall, edge.limits.body, edge.limits.idle) = (.seconds(2), .seconds(5), .seconds(20))
                try await RunningGateway.with(FrameFloodTests.routes, edge: edge, body)
            }
        }

        /// Another client is answered.
        private static func isServed(_ gateway: RunningGateway) async throws {
            let other = try await FrameConnection.open(gateway.port)
            try await other.send(FrameConnection.frame(.headers, 5, 1, get))
            try await eventually("another client is served", within: .seconds(10)) { other.received.answered.contains(1) }
            await other.close()
        }

        /// Floods that no server need bear, and with what they begin.
        enum Flood: String, CaseIterable, CustomTestStringConvertible {
            case resets = "rapid resets (CVE-2023-44487)"
            case pings = "pings (CVE-2019-9512)"
            case settings = "settings (CVE-2019-9515)"
            case emptyData = "empty data (CVE-2019-9518)"
            case continuations = "continuations (CVE-2024-27316)"
            case endlessHeaders = "headers without end"
            case compressed = "an HPACK bomb (CVE-2016-6581)"

            var testDescription: String { rawValue }

            var frames: [[UInt8]] {
                typealias C = FrameConnection
                // A literal that is put into the table (RFC 7541, 6.2.1), and a literal of 4,000 bytes.
                let entry: [UInt8] = [0x40, 0x01, 0x61, 0x01, 0x62]
                let long: [UInt8] = [0x40, 0x01, 0x61, 0x7F, 0xA1, 0x1E] + [UInt8](repeating: 0x62, count: 4_000)
                switch self {
                case .resets:
                    return (0..<10_000).map { index in
                        let stream = UInt32(index * 2 + 1)
                        return C.frame(.headers, 5, stream, FrameFloodTests.get) + C.frame(.reset, 0, stream, C.big(8, 4))
                    }
                case .pings: return (0..<30_000).map { _ in C.frame(.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]) }
                case .settings: return (0..<30_000).map { _ in C.frame(.settings, 0, 0, [0, 4, 0, 0, 255, 255]) }
                case .emptyData:
                    return (0..<30_000).map { $0 == 0 ? C.frame(.headers, 4, 1, FrameFloodTests.post) : C.frame(.data, 0, 1) }
                case .continuations:
                    return (0..<10_000).map { $0 == 0 ? C.frame(.headers, 1, 1, FrameFloodTests.get) : C.frame(.continuation, 0, 1, entry) }
                case .endlessHeaders:
                    return (0..<200).map { $0 == 0 ? C.frame(.headers, 1, 1, FrameFloodTests.get) : C.frame(.continuation, 0, 1, long) }
                case .compressed:
                    // One entry of 4,000 bytes, then 12,000 references of a byte each to it: 48 MB in a frame of 16 KiB.
                    let bomb = FrameFloodTests.get + long + [UInt8](repeating: 0xBE, count: 12_000)
                    return (0..<50).map { C.frame(.headers, 5, UInt32($0 * 2 + 1), bomb) }
                }
            }
        }

        @Test("a flood ends with its connection, after a farewell that says why", arguments: Flood.allCases)
        func floods(flood: Flood) async throws {
            try await with { gateway in
                let farewells = Mutex<[UInt32]>([])
                // A farewell is lost where the server closes with much that it has not read. After the whole flood shorter ones, which are still too much, show it.
                for length in flood == .pings ? [Int.max, 400, 5, 5] : [Int.max, 400, 400, 400] {
                    let connection = try await FrameConnection.open(gateway.port)
                    await connection.flood(Array(flood.frames.prefix(length)))
                    if flood == .compressed {
                        // What is refused here is the stream; the connection may live.
                        try await eventually("the bombs are refused", within: .seconds(20)) {
                            connection.received.isClosed || !connection.received.resets.isEmpty
                        }
                    } else {
                        try await eventually("the connection is closed", within: .seconds(30)) { connection.received.isClosed }
                    }
                    let received = connection.received
                    await connection.close()
                    farewells.withLock { $0 += received.farewells }
                    if received.farewells.contains(where: { $0 != 0 }) || flood == .compressed { break }
                }
                try await FrameFloodTests.isServed(gateway)
                if flood != .compressed { #expect(farewells.withLock { $0.contains { $0 != 0 } }, "\(flood.rawValue): no GOAWAY") }
            }
        }

        @Test("who asks for much and takes nothing of it loses his streams, and others are served meanwhile")
        func stall() async throws {
            try await with { gateway in
                // No room for content in any stream, and none asked for later.
                let connection = try await FrameConnection.open(gateway.port, settings: [(4, 0)])
                await connection.flood((0..<40).map { FrameConnection.frame(.headers, 5, UInt32($0 * 2 + 1), FrameFloodTests.getLarge) })
                try await eventually("the answers begin") { connection.received.answered.count >= 40 || connection.received.isClosed }
                try await FrameFloodTests.isServed(gateway)
                try await eventually("nobody waits for him", within: .seconds(30)) { connection.received.isClosed || connection.received.resets.count >= 40 }
                #expect(connection.received.content == 0)
                try await FrameFloodTests.isServed(gateway)
                await connection.close()
            }
        }

        @Test("no more than a hundred streams are open at once, and those whose bodies do not come are not waited for")
        func streams() async throws {
            try await with { gateway in
                let connection = try await FrameConnection.open(gateway.port)
                await connection.flood((0..<400).map { FrameConnection.frame(.headers, 4, UInt32($0 * 2 + 1), FrameFloodTests.post) })
                try await FrameFloodTests.isServed(gateway)
                try await eventually("nobody waits for them", within: .seconds(30)) {
                    let received = connection.received
                    return received.isClosed || received.resets.count + received.answered.subtracting(received.resets).count >= 400
                }
                let received = connection.received
                #expect(received.isClosed || received.resets.count >= 300)
                try await FrameFloodTests.isServed(gateway)
                await connection.close()
            }
        }
    }
#endif
