import Glibc
import Synchronization

/// A proxy between a database and its server that can hold answers back, and cut connections: what a bad network does.
final class TestProxy: @unchecked Sendable {
    private struct State {
        var isHolding = false
        var isRefusing = false
        var isClosed = false
        var sockets: [Int32] = []
    }

    let port: Int
    private let listener: Int32
    private let target: UInt16
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Guarded by ``mutex``.
    private var state = State()

    /// A proxy to a port of this machine.
    init(to target: Int) throws {
        self.target = UInt16(target)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = TestProxy.address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        port = isBound ? Int(UInt16(bigEndian: address.sin_port)) : 0
        start { self.accept() }
    }

    /// Holds the server's answers back from now on, or lets them through again.
    func hold(_ isHolding: Bool) { change { $0.isHolding = isHolding } }

    /// Ends new connections at once, or lets them through again.
    func refuse(_ isRefusing: Bool) { change { $0.isRefusing = isRefusing } }

    /// Cuts all connections; what was held back is lost. New ones may be made.
    func cut() {
        change { state in
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
            state.sockets = []
            state.isHolding = false
        }
    }

    func close() {
        change { $0.isClosed = true }
        cut()
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func change(_ body: (inout State) -> Void) {
        pthread_mutex_lock(mutex)
        body(&state)
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    private var isRefusing: Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return state.isRefusing
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(ThreadBody(body))
        pthread_create(
            &thread, nil,
            { pointer in
                if let pointer { Unmanaged<ThreadBody>.fromOpaque(pointer).takeRetainedValue().body() }
                return nil
            }, box.toOpaque())
        pthread_detach(thread)
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            if client < 0 { return }
            if isRefusing {
                Glibc.close(client)
                continue
            }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = TestProxy.address(target)
            let isConnected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
            }
            guard isConnected else {
                Glibc.close(client)
                Glibc.close(server)
                continue
            }
            change { $0.sockets += [client, server] }
            start { self.pump(from: client, to: server, isAnswer: false) }
            start { self.pump(from: server, to: client, isAnswer: true) }
        }
    }

    /// Each direction has a thread; the sockets stay open until the process ends, so that a number is never used twice.
    private func pump(from source: Int32, to target: Int32, isAnswer: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            if isAnswer {
                pthread_mutex_lock(mutex)
                while state.isHolding { pthread_cond_wait(condition, mutex) }
                pthread_mutex_unlock(mutex)
            }
            guard count > 0, send(target, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(target, Int32(SHUT_RDWR))
    }
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
