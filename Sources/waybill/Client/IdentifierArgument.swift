import ArgumentParser
import Contracts
import Wire

extension Identifier: ExpressibleByArgument {
    /// A UUID on the command line.
    public init?(argument: String) { self.init(argument) }
}

extension OrderStatus: ExpressibleByArgument {
    /// A status in either letter case.
    public init?(argument: String) { self.init(rawValue: argument.uppercased()) }
}
