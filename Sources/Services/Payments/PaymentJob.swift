import Contracts
import Messaging
import Wire

/// What a job needs to know to call the provider, as JSON in the job's row.
struct PaymentJob: Sendable {
    let paymentID: Identifier
    let amount: Money?
    let method: String
    let intentID: Identifier?
    let correlationID: Identifier?
    let causationID: Identifier?

    var text: String {
        let bytes = JSONWriter.object(capacity: 320) { json in
            json.member("paymentId", paymentID)
            if let amount {
                json.member("amount", amount.amount)
                json.member("currency", amount.currency.code)
            }
            json.member("method", method)
            json.optional("intentId", intentID)
            json.optional("correlationId", correlationID)
            json.optional("causationId", causationID)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    init(paymentID: Identifier, amount: Money?, method: String, intentID: Identifier?, correlationID: Identifier?, causationID: Identifier?) {
        (self.paymentID, self.amount, self.method) = (paymentID, amount, method)
        (self.intentID, self.correlationID, self.causationID) = (intentID, correlationID, causationID)
    }

    /// What a job says: as it was written, or out of its row.
    init(of job: Job) throws { self = try job.content as? PaymentJob ?? PaymentJob(job.payload) }

    init(_ text: String) throws {
        guard let json = try JSONParser.parse(Array(text.utf8)).object else { throw JSONMismatch(key: "", expected: "an object") }
        paymentID = try json.identifier("paymentId")
        amount = try json["amount"] == nil ? nil : json.money("amount", json.currency())
        method = try json.string("method")
        intentID = try json.optionalIdentifier("intentId")
        correlationID = try json.optionalIdentifier("correlationId")
        causationID = try json.optionalIdentifier("causationId")
    }
}

/// An answer of the provider that contradicts what was asked: the job is repeated and stays visible, no money state is guessed from it.
struct UnexpectedAnswer: Error, CustomStringConvertible {
    let description: String
}
