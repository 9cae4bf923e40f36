import Glibc
import Synchronization

/// By which other threads can cut a connection that its own thread is waiting in: a second descriptor of the same socket, so that there is never any doubt
/// whose descriptor it is, whenever the C library closes its own.
final class Lifeline: Sendable {
    private struct State {
        var descriptor: Int32 = -1
        var isCut = false
    }
    private let state = Mutex(State())

    /// Whether it was cut for good: a connection that is made later is cut as well.
    var isCut: Bool { state.withLock { $0.isCut } }

    /// Takes hold of a socket.
    func attach(_ socket: Int32) {
        state.withLock { state in
            if state.descriptor >= 0 { _ = Glibc.close(state.descriptor) }
            // Not for programs that this process starts.
            state.descriptor = fcntl(socket, F_DUPFD_CLOEXEC, 0)
            if state.isCut, state.descriptor >= 0 { _ = shutdown(state.descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Lets go of the socket.
    func detach() {
        state.withLock { state in
            if state.descriptor >= 0 { _ = Glibc.close(state.descriptor) }
            state.descriptor = -1
        }
    }

    /// Ends the connection that there is, if there is one; whoever waits in it finds it closed.
    /// - Parameter forGood: whether later ones end as well.
    func cut(forGood: Bool) {
        state.withLock { state in
            state.isCut = state.isCut || forGood
            if state.descriptor >= 0 { _ = shutdown(state.descriptor, Int32(SHUT_RDWR)) }
        }
    }

    deinit { detach() }
}
