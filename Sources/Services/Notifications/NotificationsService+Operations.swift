import Contracts
import Web

/// What Notifications offers, as its users see it.
extension APIOperation {
    static let listNotifications = APIOperation(
        "listNotifications", .notifications, "Show what an order's customer was told", "Oldest first.",
        parameters: [.query("orderId", .identifier, "The order.", isRequired: true)], APIReply(200, "The notifications.", .list(of: .notification)))
}

extension APITag {
    static let notifications = APITag("Notifications", rank: 4, "What customers were told.")
}

extension APISchema {
    static let notification = APISchema.component(
        "Notification",
        .object([
            .required("id", .identifier, "The notification."), .required("orderId", .identifier, "The order."),
            .required("kind", .oneOf(NotificationKind.allCases.map(\.rawValue)), "What it is about."), .required("channel", .text, "How it goes out."),
            .required("status", .oneOf(NotificationState.Status.allCases.map(\.name)), "How far it is."),
            .required("attempts", .count, "How often it was tried."),
            .required("createdAt", .timestamp, "When it was written."), .optional("sentAt", .timestamp, "When it went out."),
            .optional("error", .text, "How the last attempt failed."),
        ]))
}
