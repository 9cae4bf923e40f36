import ArgumentParser
import WaybillClient
import Web

/// In whose name `waybill bench` places its orders.
enum BenchIdentity: String, CaseIterable, ExpressibleByArgument {
    /// One program of the house places all of them.
    case service
    /// Many customers place their own, each with a token of his own: what a shop front sees.
    case customer
}

/// Customers with a token each, for the length of a run.
struct BenchCustomers: Sendable {
    /// What goes with the orders of each customer; the number of a customer is his place here.
    let headers: [[(String, String)]]

    /// - Throws: ``CredentialsError`` where no keys are at hand; ``BenchFailure/shortTokens(_:)`` when the tokens would not last for the run.
    init(_ count: Int, mint: LocalMint?, lasting: Duration) async throws {
        guard let mint else {
            throw CredentialsError(
                description: "--auth customer makes a token for every customer, for which it needs the keys of a platform of this machine: --data or --config.")
        }
        var headers: [[(String, String)]] = []
        for number in 0..<count {
            let token = try await mint.token(role: .customer, subject: BenchCustomers.subject(number))
            if let lifetime = token.lifetime, lifetime < lasting { throw BenchFailure.shortTokens(lifetime) }
            headers.append([("content-type", "application/json"), ("authorization", "Bearer " + token.value)])
        }
        self.headers = headers
    }

    /// `bench-000000` ...: the customer of an order, and the subject of his token.
    static func subject(_ number: Int) -> String {
        let digits = String(number)
        return "bench-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }
}
