import NIOCore
import NIOPosix
import Synchronization

/// A connection on which a test says what it likes, byte for byte.
final class RawConnection: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isClosed = false
    }

    private let channel: any Channel
    private let state: Box

    private final class Box: Sendable { let value = Mutex(State()) }

    private init(_ channel: any Channel, _ state: Box) { (self.channel, self.state) = (channel, state) }

    /// - Parameter reads: whether what the server sends is taken.
    static func open(_ port: Int, reads: Bool = true) async throws -> RawConnection {
        let box = Box()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Collector(box)) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        channel.closeFuture.whenComplete { _ in box.value.withLock { $0.isClosed = true } }
        return RawConnection(channel, box)
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    /// Sends in pieces, each in a packet of its own as far as the network pleases; stops where the server has closed.
    func send(_ bytes: [UInt8], inPiecesOf size: Int) async {
        for start in stride(from: 0, to: bytes.count, by: size) {
            do { try await send(Array(bytes[start..<min(start + size, bytes.count)])) } catch { return }
        }
    }

    /// Says that nothing more comes.
    func finish() async throws { try await channel.close(mode: .output) }
    func close() async { try? await channel.close() }

    var text: String { state.value.withLock { String(decoding: $0.bytes, as: UTF8.self) } }
    var isClosed: Bool { state.value.withLock { $0.isClosed } }
    /// The statuses of the answers so far, in order.
    var statuses: [Int] { text.split(separator: "HTTP/1.1 ", omittingEmptySubsequences: false).dropFirst().compactMap { Int($0.prefix(3)) } }

    /// All that came until the server closed the connection.
    func untilClosed(within limit: Duration = .seconds(20)) async throws -> String {
        do { try await eventually("the server closes the connection", within: limit) { self.isClosed } } catch {
            await close()
            throw Unexpected("the server left the connection open after \"\(text)\"")
        }
        return text
    }

    func until(_ part: String) async throws { try await eventually("\"\(part)\" comes") { self.text.contains(part) } }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        private let box: Box
        init(_ box: Box) { self.box = box }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            box.value.withLock { $0.bytes.append(contentsOf: buffer.readableBytesView) }
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
