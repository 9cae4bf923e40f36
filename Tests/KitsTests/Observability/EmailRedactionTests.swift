import Observability
import Testing

@Suite("E-mail redaction")
struct EmailRedactionTests {
    @Test(
        "keeps the first letter and the domain of one address",
        arguments: [
            ("alice@example.com", "a***@example.com"), ("a@example.com", "***@example.com"), ("@example.com", "***@example.com"),
            ("ab@localhost", "a***@localhost"), (#""a@b"@example.com"#, "***@example.com"), ("nonsense", "***"), ("", "***"),
            ("élan@example.com", "é***@example.com"),
        ])
    func address(address: String, redacted: String) {
        #expect(redactEmailAddress(address) == redacted)
    }

    @Test(
        "finds addresses in text and leaves the rest alone",
        arguments: [
            ("no address", "no address"),
            ("to <alice@example.com>, bob.b+c@mail.example.org.", "to <a***@example.com>, b***@mail.example.org."),
            ("mailto:carol@example.com?subject=x", "mailto:c***@example.com?subject=x"),
            ("topic@3 and @handle and x@", "topic@3 and @handle and x@"),
            (#"said "jane doe"@example.com twice"#, "said ***@example.com twice"),
            ("dave@[192.0.2.1]", "d***@[192.0.2.1]"),
            ("a@@b.com@c.com", "a@@b***@c.com"), ("alice@b.com@c.com", "a***@b***@c.com"), ("alice@x@c.com", "alice@***@c.com"),
            ("alice@b.com:bob@c.com", "a***@b.com:b***@c.com"), ("dave@[IPv6:2001:db8::1]", "d***@[IPv6:2001:db8::1]"),
            ("email=erin@example.com&x=1", "email=e***@example.com&x=1"),
            ("frank@example.com\ngrace@example.com", "f***@example.com\ng***@example.com"),
        ])
    func text(text: String, redacted: String) {
        #expect(redactEmailAddresses(in: text) == redacted)
    }
}
