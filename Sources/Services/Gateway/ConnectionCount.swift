import NIOCore
import Synchronization
import Web

/// How many connections are open, altogether and from each address.
final class ConnectionCount: Sendable {
    private struct State {
        var all = 0
        /// Only addresses that have a connection are in it: it is never larger than the number of connections.
        var byNetwork: [IPAddress: Int] = [:]
    }

    private let maximum: Int
    private let maximumPerAddress: Int
    private let unbounded: AddressRanges
    private let state = Mutex(State())

    /// - Parameter unbounded: addresses that may have as many as there are: proxies, behind which everybody is.
    init(maximum: Int, maximumPerAddress: Int = .max, unbounded: AddressRanges = AddressRanges()) {
        (self.maximum, self.maximumPerAddress, self.unbounded) = (maximum, maximumPerAddress, unbounded)
    }

    var open: Int { state.withLock { $0.all } }

    /// Counts a connection; false when it is one too many. It must be closed in either case.
    func open(_ address: IPAddress?) -> Bool {
        let isBounded = address.map { !unbounded.contains($0) } ?? false
        return state.withLock { state in
            state.all += 1
            guard let network = address?.network else { return state.all <= maximum }
            let count = (state.byNetwork[network] ?? 0) + 1
            state.byNetwork[network] = count
            return state.all <= maximum && (!isBounded || count <= maximumPerAddress)
        }
    }

    func close(_ address: IPAddress?) {
        state.withLock { state in
            state.all -= 1
            guard let network = address?.network, let count = state.byNetwork[network] else { return }
            state.byNetwork[network] = count > 1 ? count - 1 : nil
        }
    }
}

extension SocketAddress {
    /// The address without the port; nil for what is not of the Internet.
    var ip: IPAddress? {
        switch self {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { IPAddress(bytes: $0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { IPAddress(bytes: $0) }
        case .unixDomainSocket: nil
        }
    }
}
