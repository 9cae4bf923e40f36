/// Wake-ups between the processes of one database: a process that has written something tells the others to look. What the signals mean is in the tables; a lost one
/// costs time, never data.
public protocol DatabaseSignals: AnyObject, Sendable {
    /// Tells all who listen to a channel, in all processes, this one included. Returns at once; many in a short time become one, and none may arrive.
    func notify(_ channel: String)

    /// Calls a closure whenever a channel is notified, until the database is closed; also when the connection was lost and is back, since something may have been
    /// missed. Not before the first of these has come: whoever listens looks once by itself. The closure must be quick and must not wait.
    func listen(_ channel: String, _ body: @escaping @Sendable () -> Void)
}
