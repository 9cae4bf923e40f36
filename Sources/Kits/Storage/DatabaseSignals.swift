/// A database through which processes can wake each other (PostgreSQL: LISTEN and NOTIFY). A signal says that something has changed and may get lost: who waits for one looks from time
/// to time by itself.
public protocol DatabaseSignals: AnyObject, Sendable {
    /// Wakes whoever listens to a channel, soon; does not wait, and makes one of several that come at once.
    func notify(_ channel: String)
    /// Calls a closure whenever a channel was notified, by whatever process, and after a connection was lost. It must not wait.
    func listen(_ channel: String, _ body: @escaping @Sendable () -> Void)
}
