import Contracts
import HTTPTypes
import Web
import Wire

/// The outside's way to the platform: requests that may not arrive, answers that may be lost.
struct ShopDesk: @unchecked Sendable {
    let world: World

    struct Unreachable: Error {}

    /// An answer.
    struct Answer {
        let status: Int
        let headers: HTTPFields
        let json: JSONObject
        var problem: String { (try? json.string("type")) ?? "" }
    }

    /// Sends one request.
    /// - Throws: ``Unreachable`` when no answer came; the platform may have done it all the same.
    func send(_ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = [], key: String? = nil) async throws -> Answer {
        guard let process = world.process, process.isReady else { throw Unreachable() }
        let response: WebResponse
        do { response = try await process.respond(method, path, body: body, key: key) } catch {
            throw Unreachable()
        }
        guard process.isAlive else { throw Unreachable() }
        if world.choices.happens(perMille: world.rates[.client]) {
            world.count(.client)
            throw Unreachable()
        }
        guard case .bytes(let bytes) = response.body else { throw Unreachable() }
        return Answer(status: response.status.code, headers: response.headers, json: try JSONParser.parse(bytes).object ?? JSONObject(members: []))
    }

    /// Sends a request until it is answered with something else than "try again".
    func insist(_ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = [], key: String? = nil) async -> Answer? {
        for attempt in 0..<500 {
            if let answer = try? await send(method, path, body, key: key), answer.status != 503, !answer.problem.hasSuffix("key-in-flight") { return answer }
            await pause(min(100 << min(attempt, 5), 2000))
        }
        return nil
    }

    func pause(_ milliseconds: Int) async { try? await SimulatedClock(time: world.time, owner: 0).sleep(for: .milliseconds(milliseconds)) }

    /// Puts the products on sale and returns their ids with what is available of each.
    func stock() async -> [(id: String, quantity: Int64)] {
        var products: [(String, Int64)] = []
        for number in 0..<world.plan.products {
            let quantity = Int64(world.choices.pick([12, 2, 5, 40]))
            let body = JSONWriter.object { json in
                json.member("sku", "P\(number)")
                json.member("name", "Product \(number)")
                json.member("price", "\(number + 1).50")
                json.member("currency", "GBP")
                json.member("availableQuantity", quantity)
            }
            if let answer = await insist(.post, "/inventory/products", body, key: "product-\(number)"), let id = try? answer.json.string("id") {
                products.append((id, quantity))
            } else {
                world.fail("L4", "a product cannot be made")
            }
        }
        return products
    }
}

/// A customer with one order, and the operator who ships it. What they do is drawn from the tape before they begin.
final class SimulatedCustomer: @unchecked Sendable {
    private let world: World
    private let desk: ShopDesk
    let number: Int
    let body: [UInt8]
    let method: String
    let key: String
    private let begins: Int
    private let submitsTwice: Bool
    private let cancelsAfter: Int?
    private let ships: Bool
    private let paysOffline: Bool
    /// The order's id as the platform told it; nil when it was refused.
    private(set) var orderID: String?
    private(set) var isRefused = false
    private var version: Int64 = 0

    var name: String { "order \(number)" }

    init(world: World, number: Int, products: [(id: String, quantity: Int64)]) {
        (self.world, self.number) = (world, number)
        desk = ShopDesk(world: world)
        let choices = world.choices
        begins = choices.choose(2000)
        method = choices.pick(["test_approve", "test_approve", "test_decline", "test_insufficient_funds", "test_timeout", "test_slow", "offline"])
        submitsTwice = choices.happens(perMille: 150 + world.rates[.client])
        cancelsAfter = choices.happens(perMille: 350) ? choices.choose(choices.pick([50, 500, 8000])) : nil
        ships = choices.happens(perMille: 300)
        paysOffline = choices.happens(perMille: 600)
        key = "order-\(number)"
        let isFree = choices.happens(perMille: 60)
        let lines = (0..<(1 + choices.choose(3))).map { _ in (choices.pick(products).id, 1 + choices.choose(3)) }
        let method = self.method
        body = JSONWriter.object { json in
            json.member("customerId", "customer-\(number)")
            json.member("currency", "GBP")
            json.member("paymentMethod", method)
            json.key("items")
            json.array(lines) { json, line in
                json.object { json in
                    json.member("productId", line.0)
                    json.member("quantity", Int64(line.1))
                    if isFree { json.member("price", "0.00") }
                }
            }
        }
    }

    func shop() async {
        await desk.pause(begins)
        if submitsTwice {
            world.executor.start { [self] in
                world.count(.client)
                if let answer = try? await desk.send(.post, "/orders", body, key: key) { learn(answer) }
            }
        }
        guard let answer = await desk.insist(.post, "/orders", body, key: key) else { return world.fail("L1", "\(name) gets no answer") }
        learn(answer)
        guard let orderID else { return }
        if submitsTwice { await tryOtherBody() }
        if let cancelsAfter {
            await desk.pause(cancelsAfter)
            await cancel(orderID)
        }
        for _ in 0..<4 {
            await desk.pause(300 + world.choices.choose(3000))
            await look(orderID)
        }
    }

    /// What an answer to placing says; every answer must name the same order (S11).
    private func learn(_ answer: ShopDesk.Answer) {
        if answer.headers[.idempotencyReplayed] != nil { world.mark(.replayedKey) }
        switch answer.status {
        case 202:
            guard let id = try? answer.json.string("id") else { return world.fail("S11", "\(name) is accepted without an id") }
            if let orderID, orderID != id { return world.fail("S11", "\(name) became two: \(orderID) and \(id)") }
            guard orderID == nil else { return }
            orderID = id
            isRefused = false
            world.accepted()
            if let identifier = Identifier(id) { world.name(identifier, name) }
            world.note("\(name) is accepted (\(method))")
        case 409:
            if answer.problem.hasSuffix("key-in-flight") { return world.mark(.keyInFlight) }
            if orderID == nil { isRefused = true }
            world.note("\(name) is refused: \(answer.problem)")
        case 503: break
        default: world.fail("L5", "\(name) is answered \(answer.status): \(answer.problem)")
        }
    }

    /// The same key with another body is refused.
    private func tryOtherBody() async {
        let other = JSONWriter.object { json in
            json.member("currency", "GBP")
            json.key("items")
            json.array([1]) { json, _ in
                json.object {
                    $0.member("sku", "P0")
                    $0.member("quantity", Int64(1))
                }
            }
        }
        guard let answer = await desk.insist(.post, "/orders", other, key: key) else { return }
        if answer.status == 422 { return world.mark(.keyReused) }
        // Short stock is refused before the key is looked at.
        if answer.status != 409 { world.fail("S11", "\(name): another body under the same key is answered \(answer.status)") }
    }

    private func cancel(_ id: String) async {
        let body = JSONWriter.object { $0.member("reason", "changed my mind") }
        guard let answer = await desk.insist(.post, "/orders/\(id)/cancel", body, key: "cancel-\(number)") else { return }
        world.note("\(name): cancelling is answered \(answer.status)")
        if ![200, 202, 409].contains(answer.status) { world.fail("L5", "\(name): cancelling is answered \(answer.status)") }
    }

    /// Reads the order; its status may not go back (S12). The operator does what comes next.
    private func look(_ id: String) async {
        guard let answer = try? await desk.send(.get, "/orders/\(id)") else { return }
        guard answer.status == 200 else { return world.fail("S10", "\(name) was accepted and is answered \(answer.status)") }
        guard let seen = try? answer.json.integer("version"), let status = try? answer.json.string("status") else { return }
        if seen < version { return world.fail("S12", "\(name) went back from version \(version) to \(seen)") }
        version = seen
        let next: String? =
            switch status {
            case "RESERVED" where method == "offline" && paysOffline: "PAID"
            case "PAID" where ships: "SHIPPED"
            case "SHIPPED": "DELIVERED"
            default: nil
            }
        guard let next else { return }
        let body = JSONWriter.object { $0.member("status", next) }
        guard let answer = try? await desk.send(.put, "/orders/\(id)/status", body) else { return }
        world.note("\(name): setting it \(next) is answered \(answer.status)")
        if ![200, 202, 409, 503].contains(answer.status) { world.fail("L5", "\(name): \(next) is answered \(answer.status)") }
    }
}
