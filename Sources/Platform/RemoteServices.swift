import Contracts
import Messaging
import Logging
import Web
final class UpstreamPool: Sendable { func shutdown() async {} }
struct RemoteServices {
    init(_ engines: EngineConfiguration, clock: any WallClock, logger: Logger) throws {}
    var pools: [UpstreamPool] { [] }
    var availability: AvailabilityCheck? { nil }
    func routes(_ services: ServiceAssembly) -> [Route] { [] }
}
