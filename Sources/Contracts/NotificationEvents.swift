import Wire

/// What a customer is told.
public enum NotificationKind: String, Sendable, CaseIterable {
    case confirmation, cancellation, failure, shipping, delivery, refund
}

/// The customer was told.
public struct NotificationSent: Event {
    public static let type = "NotificationSent"
    public static let topic = "notifications"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "The customer was told.",
        [
            .required("notificationId", .identifier, "The notification."),
            .required("kind", .oneOf(NotificationKind.allCases.map(\.rawValue)), "What the customer is told of."),
            .required("channel", .text, "`log`, later `email`, `sms` ..."),
        ])

    public let notificationID: Identifier
    public let kind: NotificationKind
    /// `log`, later `email`, `sms` ...
    public let channel: String

    public init(notificationID: Identifier, kind: NotificationKind, channel: String) {
        (self.notificationID, self.kind, self.channel) = (notificationID, kind, channel)
    }
    public func write(to json: inout JSONWriter) {
        json.member("notificationId", notificationID)
        json.member("kind", kind.rawValue)
        json.member("channel", channel)
    }
    public init(from json: JSONObject) throws {
        notificationID = try json.identifier("notificationId")
        kind = try NotificationKind(json)
        channel = try json.string("channel")
    }
}

/// The customer could not be told, and no attempt is left.
public struct NotificationFailed: Event {
    public static let type = "NotificationFailed"
    public static let topic = "notifications"
    public static let schemaVersion = 1
    public static let shape = EventShape(
        "The customer could not be told, and no attempt is left.",
        [
            .required("notificationId", .identifier, "The notification."),
            .required("kind", .oneOf(NotificationKind.allCases.map(\.rawValue)), "What the customer is told of."),
            .required("channel", .text, "`log`, later `email`, `sms` ..."),
            .required("reason", .text, "Why not."),
        ])

    public let notificationID: Identifier
    public let kind: NotificationKind
    public let channel: String
    public let reason: String

    public init(notificationID: Identifier, kind: NotificationKind, channel: String, reason: String) {
        (self.notificationID, self.kind, self.channel, self.reason) = (notificationID, kind, channel, reason)
    }
    public func write(to json: inout JSONWriter) {
        json.member("notificationId", notificationID)
        json.member("kind", kind.rawValue)
        json.member("channel", channel)
        json.member("reason", reason)
    }
    public init(from json: JSONObject) throws {
        notificationID = try json.identifier("notificationId")
        kind = try NotificationKind(json)
        channel = try json.string("channel")
        reason = try json.string("reason")
    }
}

extension NotificationKind {
    init(_ json: JSONObject) throws {
        guard let kind = NotificationKind(rawValue: try json.string("kind")) else { throw JSONMismatch(key: "kind", expected: "a kind of notification") }
        self = kind
    }
}
