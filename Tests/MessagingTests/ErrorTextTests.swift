import Testing

@testable import Messaging

@Suite("Error text")
struct ErrorTextTests {
    @Test(
        "what differs from event to event is left out of a group, and nothing else",
        arguments: [
            ("there is no order 01890a5d-ac96-774b-bcce-b302099a8057", "there is no order #"), ("there is no order 42", "there is no order #"),
            ("product-17 and v2 (17/18)", "product-# and v# (#/#)"), ("constraint violated: quantity > 0", "constraint violated: quantity > #"),
            ("deadbeef0 added", "# added"), ("a  b", "a  b"), ("", ""),
        ])
    func groups(text: String, group: String) { #expect(ErrorText.group(of: text) == group) }

    private struct Spoken: Error, CustomStringConvertible { let description: String }

    @Test(
        "secrets are hidden, other numbers stay",
        arguments: [
            ("card 4242424242424242 of jane.doe@example.com", "card *** of j***@example.com"), ("at 1763730000000, order 12", "at 1763730000000, order 12"),
            ("4242 4242", "4242 4242"),
        ])
    func secrets(text: String, kept: String) { #expect(ErrorText.of(Spoken(description: text)) == kept) }

    @Test("a long text is cut") func length() { #expect(ErrorText.of(Spoken(description: String(repeating: "x", count: 5000))).count == 1000) }
}
