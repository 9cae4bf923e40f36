import Messaging

/// Lets the members of a group hear of each other, by the connection that publishes. Confined to its request thread.
final class Announcer: @unchecked Sendable {
    /// Another channel than the publisher's, whose confirmations it would mix up.
    private static let channel: UInt16 = 2

    private var epoch = 0

    /// Sends a word to all members that listen. When there is no connection at the moment, nothing is said: it is said again soon.
    func announce(_ text: String, exchange: String, by session: AMQPSession) throws {
        let connection = try session.connected()
        if session.wasClosed(Announcer.channel) { epoch = 0 }
        if epoch != session.epoch {
            try connection.openChannel(Announcer.channel)
            epoch = session.epoch
        }
        try connection.announce(text, on: Announcer.channel, exchange: exchange)
    }
}
