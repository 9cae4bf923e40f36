import ArgumentParser
import Contracts
import WaybillClient
import Wire

/// `waybill orders place`.
struct OrdersPlaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "place", abstract: "Place an order.",
        discussion: """
            Test payment methods: test_approve (the default), test_decline, test_insufficient_funds, test_timeout (the reply is lost and
            found again), test_slow, and offline (an operator records the payment with "orders status ID PAID").
            The request is repeated with the same Idempotency-Key when the connection fails: the order is placed once.
            With --wait the order is followed to its end; the exit code is 1 unless it is PAID.

            Examples:
              waybill orders place --sku LAMP:2 --sku BULB:4:1.25 --currency GBP --customer c-17 --country GB --wait
              waybill orders place --file order.json --idempotency-key web-4711
            """)

    @OptionGroup var client: ClientOptions

    @Option(name: .customLong("sku"), help: ArgumentHelp("A line: SKU:QUANTITY, or SKU:QUANTITY:PRICE for a price of its own. Repeatable.", valueName: "line"))
    var items: [ItemArgument] = []

    @Option(help: "ISO 4217 code (default GBP).")
    var currency: String?

    @Option(help: "The customer's id; none for a guest.")
    var customer: String?

    @Option(help: "Shipping country.")
    var country: String?

    @Option(help: "A reference to the means of payment.")
    var paymentMethod: String?

    @Option(help: ArgumentHelp("An entry of the order's metadata, key=value. Repeatable.", valueName: "key=value"))
    var metadata: [MetadataArgument] = []

    @Option(help: "The request's own name (default: a new one).")
    var idempotencyKey: String?

    @Option(help: "A file with the whole order as JSON, instead of the options above; - for standard input.")
    var file: String?

    @Flag(help: "Follow the order to its end.")
    var wait = false

    func validate() throws {
        if file == nil, items.isEmpty { throw ValidationError("Name at least one line with --sku SKU:QUANTITY, or a --file.") }
        guard file != nil else { return }
        let isMixed = !items.isEmpty || currency != nil || customer != nil || country != nil || paymentMethod != nil || !metadata.isEmpty
        if isMixed { throw ValidationError("--file holds the whole order; it does not go with options that describe one.") }
    }

    /// The request's body.
    func body() throws -> [UInt8] {
        if let file { return try FileBytes.read(file, limit: 1 << 20) }
        return NewOrder(
            items: items.map(\.item), currency: currency ?? "GBP", customerID: customer, shippingCountry: country, paymentMethod: paymentMethod,
            metadata: metadata.map { .init($0.key, $0.value) }
        ).body
    }

    func run() async throws {
        let body = try body()
        let key = idempotencyKey ?? "cli-\(RunName.fresh())\(RunName.fresh())"
        let isPaid = try await client.withAPI { api in
            let order = try await api.place(body, key: key, retry: RetryPolicy(limit: .seconds(30)))
            guard wait else {
                if client.json { Output.json(order.json) } else { OrderText.show(order) }
                return true
            }
            if !client.json { OrderText.show(order) }
            try await TimelineWatch(api: api, id: order.id, isJSON: false, isSilent: client.json).untilSettled()
            let settled = try await api.order(order.id)
            if client.json { Output.json(settled.json) } else { OrderText.outcome(settled) }
            return settled.status == .paid
        }
        if !isPaid { throw ExitCode.failure }
    }
}
