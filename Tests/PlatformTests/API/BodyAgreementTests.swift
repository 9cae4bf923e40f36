import Testing
import Web
import Wire

/// Bodies are read by hand, for speed; here each is compared with what is declared of it, both ways.
@Suite("Bodies and their schemas", .timeLimit(.minutes(5)))
struct BodyAgreementTests {
    /// Operations whose body is only looked at when there is a dead letter; `DeadLetterTests` has them.
    private static let needLetters: Set<String> = ["redriveDeadLetter", "rehearseDeadLetter", "editDeadLetter"]
    /// So that a failure can be had again.
    private static let seed: UInt64 = 20_261_126

    @Test("what the schema of a body allows is taken, and what it forbids is refused with its place")
    func agreement() async throws {
        let operations = try await APIRoutes.operations().values.filter {
            $0.operation.body != nil && !BodyAgreementTests.needLetters.contains($0.operation.id)
        }
        .sorted { $0.operation.id < $1.operation.id }
        #expect(operations.count >= 10)
        try await RunningPlatform.with(RunningPlatform.patient) { platform in
            let product = try await platform.product("AGREED", units: 1_000_000_000)
            let order = try await platform.order("AGREED")
            let webhook = try await platform.send("POST", "/webhooks", #"{"url":"https://hooks.example/"}"#).json["id"]?.string ?? ""
            for (route, operation) in operations {
                guard let body = operation.body, body.contentTypes == ["application/json"] else { continue }
                let isOrder = route.path.hasPrefix("/orders") || route.path.hasPrefix("/admin/orders")
                let path = route.path.replacing("{id}", with: isOrder ? order : route.path.hasPrefix("/webhooks") ? webhook : product)
                let probe = BodyProbe(platform: platform, route: route, path: path, schema: body.schema, product: product)
                try await probe.takesWhatIsAllowed(seed: BodyAgreementTests.seed)
                try await probe.refusesWhatIsForbidden(seed: BodyAgreementTests.seed)
            }
        }
    }

    @Test("the example of every body is one that its schema allows")
    func examples() async throws {
        for (_, operation) in try await APIRoutes.operations().values {
            if let body = operation.body, body.contentTypes.contains("application/json") {
                let example = try JSONParser.parse(Array(body.example.utf8))
                #expect(SchemaJudge().objections(to: example, body.schema) == [], "\(operation.id)")
            }
            for reply in operation.replies {
                guard let text = reply.example, let schema = reply.schema else { continue }
                let example = try JSONParser.parse(Array(text.utf8))
                #expect(SchemaJudge().objections(to: example, schema) == [], "\(operation.id) \(reply.status)")
            }
        }
    }
}

/// One operation's body on a running platform.
struct BodyProbe {
    let platform: RunningPlatform
    let route: Route
    let path: String
    let schema: APISchema
    let product: String

    private func sampler(_ seed: UInt64) -> BodySampler {
        var given: [String: [JSONValue]] = [
            "productId": [.string(product)], "placedAt": [.string("2026-01-01T00:00:00Z")], "metadata": [],
            // Inexact in some currency, or too much altogether: what no schema can say.
            "price": [.string("5"), .number("0"), .string("12")], "currency": [.string("GBP")], "quantity": [.number("1"), .number("3")],
            "delta": [.number("1"), .number("-1")], "types": [],
            "expiresAt": [.string("2126-01-01T00:00:00Z")], "url": [.string("https://hooks.example/a")], "cursor": [], "limit": [],
        ]
        let isNew = route.path == "/inventory/products"
        given["sku"] = isNew ? nil : [.string("AGREED")]
        return BodySampler(seed: seed, given: given)
    }

    func takesWhatIsAllowed(seed: UInt64) async throws {
        var sampler = sampler(seed)
        for _ in 0..<20 {
            let body = sampler.valid(schema)
            #expect(SchemaJudge().objections(to: body, schema) == [], "the sampler errs on \(path)")
            let answer = try await platform.send(route.method.rawValue, path, body.compact)
            // Where it leads is another question: what is allowed may be too late, or about something that is not there.
            #expect(
                [200, 201, 202, 404, 409].contains(answer.status), "\(route.method) \(path) \(body.compact.prefix(400)): \(answer.json.compact.prefix(400))")
        }
    }

    func refusesWhatIsForbidden(seed: UInt64) async throws {
        var sampler = sampler(seed)
        let body = sampler.valid(schema)
        for (wrong, pointer) in BodySampler.invalid(body, schema) {
            let answer = try await platform.send(route.method.rawValue, path, wrong.compact)
            let places = (answer.json["errors"]?.array ?? []).compactMap { $0["pointer"]?.string }
            // A wrong whole may be told by its parts, and a wrong part by its whole, but for the body itself.
            let isTold = answer.status == 422 && places.contains { $0 == pointer || $0.hasPrefix(pointer + "/") || pointer.hasPrefix($0 + "/") && $0 != "" }
            #expect(isTold, "\(route.method) \(path) \(wrong.compact.prefix(300)) at \(pointer): \(answer.status) \(answer.json.compact.prefix(300))")
        }
    }
}
