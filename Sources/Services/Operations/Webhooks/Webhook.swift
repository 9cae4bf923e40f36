import Web
import Wire

/// A subscription: an endpoint outside that is told of events.
struct Webhook: Sendable {
    enum State: Int64, Sendable {
        case active = 0
        /// Somebody holds it: what happens meanwhile is sent when it goes on.
        case paused = 1
        /// The platform has given it up: what happens meanwhile is not kept for it.
        case disabled = 2
        /// Nobody sees it any more; what is left of it is being removed.
        case deleted = 3

        var name: String {
            switch self {
            case .active: "active"
            case .paused: "paused"
            case .disabled: "disabled"
            case .deleted: "deleted"
            }
        }
    }

    /// The type of a message that tries an endpoint.
    static let test = "webhook.test"
    /// The type of the message by which an owner's other endpoints hear that one was disabled.
    static let disabled = "webhook.disabled"

    let id: Identifier
    /// The subject whose it is; nil for the house's own.
    let owner: String?
    var url: String
    var description: String?
    /// Which events; nil for all.
    var types: Set<String>?
    var state = State.active
    /// Why it is disabled.
    var reason: String?
    var secret: WebhookSecret
    /// Signs as well, until ``oldUntil``.
    var oldSecret: WebhookSecret?
    var oldUntil: Timestamp?
    let createdAt: Timestamp
    var updatedAt: Timestamp
    /// Since when nothing but failures came of it.
    var failingSince: Timestamp?
    var succeededAt: Timestamp?
    /// The endpoint asked to be left alone until then.
    var heldUntil: Timestamp?

    /// Whether a type of event is sent to it.
    func wants(_ type: String) -> Bool { types?.contains(type) ?? true }

    /// The secrets that sign at a moment, the newest first.
    func secrets(at now: Timestamp) -> [WebhookSecret] {
        guard let oldSecret, let oldUntil, oldUntil > now else { return [secret] }
        return [secret, oldSecret]
    }

    /// Whether somebody may know of it.
    func isVisible(to principal: Principal) -> Bool { state != .deleted && (principal.roles.contains(.admin) || owner == principal.subject) }

    /// Everything but the secret.
    func write(to json: inout JSONWriter) {
        json.member("id", id)
        json.member("url", url)
        json.optional("description", description)
        if let types {
            json.key("types")
            json.array(types.sorted()) { $0.string($1) }
        }
        json.member("state", state.name)
        json.optional("reason", reason)
        json.member("owner", owner ?? "house")
        json.member("createdAt", createdAt)
        json.member("updatedAt", updatedAt)
        json.optional("failingSince", failingSince)
        json.optional("lastSuccessAt", succeededAt)
        json.optional("heldUntil", heldUntil)
        json.optional("previousSecretUntil", oldSecret == nil ? nil : oldUntil)
    }

    /// The same for the record of actions.
    var record: [UInt8] { JSONWriter.object { write(to: &$0) } }
}
