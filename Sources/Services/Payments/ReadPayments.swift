import Contracts
import Storage
import Web
import Wire

/// `GET /payments?orderId=`: the payment of an order.
struct ReadPayments: Sendable {
    let database: any Database

    func list(_ request: WebRequest) async throws -> WebResponse {
        guard let text = try request.parameter("orderId") else { throw Problem.badParameter("orderId", "is required") }
        guard let id = OrderID(text) else { throw Problem.badParameter("orderId", "must be a UUID") }
        let payment = try await database.read { try PaymentStore.find(id, in: $0) }
        return .json { json in
            json.key("items")
            json.array(payment.map { [$0] } ?? []) { json, payment in json.object { write(payment, to: &$0) } }
        }
    }

    private func write(_ payment: Payment, to json: inout JSONWriter) {
        json.member("id", payment.id)
        json.member("orderId", payment.orderID)
        json.member("status", ReadPayments.status(payment.state))
        if let amount = payment.amount {
            json.member("amount", amount.amount)
            json.member("currency", amount.currency.code)
        }
        json.member("paymentMethod", payment.method)
        json.optional("providerReference", payment.intentID)
        json.optional("reason", payment.reason)
        json.member("createdAt", payment.createdAt)
        json.member("updatedAt", payment.updatedAt)
    }

    private static func status(_ state: PaymentState) -> String {
        switch state {
        case .none: "NONE"
        case .charging: "CHARGING"
        case .chargingCancelled: "CANCELLING"
        case .captured: "CAPTURED"
        case .failed: "FAILED"
        case .voided: "VOIDED"
        case .refunding: "REFUNDING"
        case .refunded: "REFUNDED"
        case .awaitingOffline: "AWAITING_OFFLINE"
        case .paidOffline: "PAID_OFFLINE"
        }
    }
}
