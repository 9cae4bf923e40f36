import Contracts
import Testing

@testable import Notifications

@Suite struct NotificationTemplateTests {
    private func render(_ text: String, total: String? = nil, reason: String? = nil) -> String {
        NotificationTemplate(text).rendered(.init(orderID: "o-1", total: total, reason: reason))
    }

    @Test func `Placeholders are replaced, each time they stand there`() {
        #expect(render("{orderId}: {total}, again {orderId}", total: "1.00 EUR") == "o-1: 1.00 EUR, again o-1")
        #expect(render("{reason}{total}", total: "1", reason: "r") == "r1")
    }

    @Test func `A value that looks like a placeholder stays what it is`() {
        #expect(render("why: {reason} ({total})", total: "{orderId}", reason: "{total} {orderId}") == "why: {total} {orderId} ({orderId})")
    }

    @Test func `A value that is not known is a dash`() { #expect(render("{total}/{reason}") == "-/-") }

    @Test func `Braces around anything else are text`() {
        #expect(render("{} {name} {orderId") == "{} {name} {orderId")
        #expect(render("{{orderId}} }{") == "{o-1} }{")
    }

    @Test func `A line break in a value does not begin a line`() { #expect(render("Subject: {reason}", reason: "a\r\nBcc: x") == "Subject: a  Bcc: x") }

    @Test(arguments: NotificationKind.allCases) func `Every kind names the order in its subject and text`(kind: NotificationKind) {
        let wording = NotificationWording.of(kind)
        let values = NotificationTemplate.Values(orderID: "o-1", total: "5.00 GBP", reason: "why")
        #expect(wording.subject.rendered(values).contains("o-1"))
        #expect(wording.text.rendered(values).contains("o-1"))
        #expect(!wording.text.rendered(values).contains("{"))
    }
}
