import Contracts
import Testing
import Wire

@Suite("Next versions")
struct NextVersionsTests {
    private let today = EventCatalog.registry
    private let tomorrow = EventCatalog.registry.updated(with: NextVersions.all)

    private func sample(_ type: any Event.Type) throws -> Envelope { try #require(Samples.envelopes.first { $0.type == type.type }) }

    @Test("an event that says more is read by today's release and by the next")
    func additive() throws {
        let sample = try sample(OrderCreated.self)
        let body = try NextVersions.additive.rewrite(sample.body)
        #expect(String(decoding: body, as: UTF8.self).contains(#""salesChannel":"web""#))
        for registry in [today, tomorrow, tomorrow.previous] {
            let read = try Envelope(body: body, registry: registry)
            #expect((read.event as? OrderCreated)?.lines == (sample.event as? OrderCreated)?.lines)
            #expect(read.body == body)
        }
    }

    @Test("an event that says it differently is read by the next release, and waits in today's")
    func breaking() throws {
        let sample = try sample(PaymentFailed.self)
        let body = try NextVersions.breaking.rewrite(sample.body)
        #expect((try Envelope(body: body, registry: tomorrow).event as? PaymentFailed)?.reason == "card_declined")
        for registry in [today, tomorrow.previous] {
            #expect(throws: UnknownEvent.self) { try Envelope(body: body, registry: registry) }
            #expect(try !Envelope(arriving: body, key: sample.key, registry: registry).isReadable)
        }
    }

    @Test("the next release reads all that today's writes, and rewrites nothing but its own types")
    func continuity() throws {
        for sample in Samples.envelopes {
            _ = try Envelope(body: sample.body, registry: tomorrow)
            let rewritten = try NextVersions.all.reduce(sample.body) { try $1.rewrite($0) }
            #expect((rewritten == sample.body) == ![OrderCreated.type, PaymentFailed.type].contains(sample.type))
        }
    }
}
