import Wire

/// Versions that two events could have after the next release, one of each kind. They exist for tests and simulations of a rolling update, in which producers and
/// consumers of two releases meet; no product code may use them, and a test of the layout sees to that.
public enum NextVersions {
    /// Says more: a reader of today ignores the new member and goes on.
    public static let additive = HypotheticalVersion(of: OrderCreated.self, readableFrom: OrderCreated.schemaVersion) {
        $0.setting("salesChannel", to: .string("web"))
    } revert: {
        $0.removing("salesChannel")
    }

    /// Says it differently: a reader of today does not understand it and lets it wait.
    public static let breaking = HypotheticalVersion(of: PaymentFailed.self, readableFrom: PaymentFailed.schemaVersion + 1) {
        $0.renaming("reason", to: "cause")
    } revert: {
        $0.renaming("cause", to: "reason")
    }

    /// All of them.
    public static let all = [additive, breaking]
}
