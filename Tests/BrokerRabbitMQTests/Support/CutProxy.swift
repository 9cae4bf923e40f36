import Foundation
import Glibc
import Synchronization

/// A network that can be cut: it carries TCP connections from a port of its own to a server, until it is told to drop them all and refuse new ones, or to carry
/// nothing any more without anybody noticing.
final class CutProxy: Sendable {
    private struct State {
        var listener: Int32 = -1
        var sockets: Set<Int32> = []
        var isStalled = false
    }
    private struct Failure: Error { let call: String }

    let port: Int
    private let server: Int
    private let state = Mutex(State())

    /// Carries to a port of 127.0.0.1.
    init(to server: Int) throws {
        self.server = server
        let listener = try CutProxy.listen(0)
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) } }
        port = Int(UInt16(bigEndian: address.sin_port))
        serve(listener)
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func listen(_ port: Int) throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var one: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = address(port)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard bound == 0, Glibc.listen(socket, 64) == 0 else { throw Failure(call: "bind") }
        return socket
    }

    private func serve(_ listener: Int32) {
        state.withLock { $0.listener = listener }
        Thread.detachNewThread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { return }
                carry(client)
            }
        }
    }

    private func carry(_ client: Int32) {
        let upstream = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = CutProxy.address(server)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(upstream, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        let isWelcome = state.withLock { state in
            guard connected == 0, state.listener >= 0 else { return false }
            state.sockets.formUnion([client, upstream])
            return true
        }
        guard isWelcome else {
            close(client)
            close(upstream)
            return
        }
        let pair = Pair(client, upstream)
        for (from, to) in [(client, upstream), (upstream, client)] { Thread.detachNewThread { [self] in pump(from, to, pair) } }
    }

    /// Both directions of a connection: the last one that ends closes the sockets.
    private final class Pair: Sendable {
        let sockets: [Int32]
        private let ended = Atomic<Int>(0)
        init(_ client: Int32, _ server: Int32) { sockets = [client, server] }
        func end() -> Bool { ended.add(1, ordering: .acquiringAndReleasing).newValue == 2 }
    }

    private func pump(_ from: Int32, _ to: Int32, _ pair: Pair) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(from, &buffer, buffer.count, 0)
            if count <= 0 { break }
            // What comes while the line is dead is lost, and nobody is told.
            if state.withLock({ $0.isStalled }) { continue }
            var sent = 0
            while sent < count {
                let step = buffer.withUnsafeBytes { send(to, $0.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL)) }
                if step <= 0 { break }
                sent += step
            }
            if sent < count { break }
        }
        for socket in pair.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        guard pair.end() else { return }
        state.withLock { $0.sockets.subtract(pair.sockets) }
        for socket in pair.sockets { close(socket) }
    }

    /// Drops all connections and refuses new ones.
    func cut() {
        state.withLock { state in
            if state.listener >= 0 {
                shutdown(state.listener, Int32(SHUT_RDWR))
                close(state.listener)
            }
            state.listener = -1
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    /// Carries again.
    func restore() throws {
        state.withLock { $0.isStalled = false }
        if state.withLock({ $0.listener < 0 }) { serve(try CutProxy.listen(port)) }
    }

    /// Carries nothing any more; connections stay.
    func stall() { state.withLock { $0.isStalled = true } }
}
