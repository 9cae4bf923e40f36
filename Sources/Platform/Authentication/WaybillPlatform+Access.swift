import Gateway
import Orders
import Web

extension WaybillPlatform {
    /// Decides who is let in to what in this process. Where it is no gateway, only gateways are believed.
    func accessControl(_ assembly: IdentityAssembly, _ services: ServiceAssembly, _ remotes: RemoteServices) -> AccessControl {
        let mode: AccessControl.Mode = configuration.authentication == .off ? .open : .required(assembly.authenticator)
        let identity = configuration.engines.internalSecret.map { secret in InternalIdentity(secret: secret.value) { [clock] in clock.now() } }
        return AccessControl(mode, identity: identity, owners: owners(services, remotes).map { OrderOwners(lookup: $0) })
    }

    private func owners(_ services: ServiceAssembly, _ remotes: RemoteServices) -> OrderOwners.Lookup? {
        guard services.runs("orders") else { return remotes.owner }
        return { [orders = services.orders] id in
            switch try await orders.owner(of: id) {
            case .nobody: .nobody
            case .guest: .guest
            case .customer(let name): .customer(name)
            }
        }
    }
}
