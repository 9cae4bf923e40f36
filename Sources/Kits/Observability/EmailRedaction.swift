/// Hides who an e-mail address belongs to, and keeps what helps in a log: its first letter and its domain (`a***@example.com`).
///
/// Promise S16: no whole e-mail address in a log, trace, metric, event or error body. A local part of one letter is hidden altogether,
/// since its first letter is all of it.
///
/// - Parameter address: One address. A text without `@` is not one and becomes `***`.
public func redactEmailAddress(_ address: String) -> String {
    guard let separator = address.lastIndex(of: "@") else { return "***" }
    return hiddenLocalPart(address[..<separator]) + address[separator...]
}

/// The text with every e-mail address in it hidden as ``redactEmailAddress(_:)`` does.
///
/// An address here is what stands around an `@` up to the next blank or delimiter, with a dot or an address literal after it; `topic@3` is
/// none. Costs one scan for `@` where there is none.
public func redactEmailAddresses(in text: String) -> String {
    guard text.utf8.contains(at) else { return text }
    var result = ""
    var rest = text.utf8[...]
    while let separator = rest.firstIndex(of: at) {
        let domainStart = rest.index(after: separator)
        let domain = rest[domainStart...].prefix(while: isDomain)
        let start = localPartStart(in: rest[..<separator])
        if start < separator, domain.dropLast().contains(UInt8(ascii: ".")) || domain.first == UInt8(ascii: "[") {
            result += Substring(rest[..<start])
            result += hiddenLocalPart(Substring(rest[start..<separator]))
            result += "@"
        } else {
            result += Substring(rest[..<domainStart])
        }
        // The domain stays in the rest: in `a@b.com@c.com` it is a local part as well.
        rest = rest[domainStart...]
    }
    return result + Substring(rest)
}

private let at = UInt8(ascii: "@")

private func hiddenLocalPart(_ local: Substring) -> String {
    guard let first = local.first, first != "\"", local.index(after: local.startIndex) < local.endIndex else { return "***" }
    return "\(first)***"
}

/// Bytes beyond ASCII are letters of internationalised names here.
private func isDomain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...: true
    case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "["): true
    default: false
    }
}

/// A quoted local part (`"jane doe"@example.com`) goes back to its opening quote.
private func localPartStart(in before: Substring.UTF8View) -> String.Index {
    if before.last == UInt8(ascii: "\""), let quote = before.dropLast().lastIndex(of: UInt8(ascii: "\"")) { return quote }
    return before.lastIndex(where: isDelimiter).map(before.index(after:)) ?? before.startIndex
}

/// Blanks, control characters, and what surrounds an address in text and URLs.
private func isDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case ...0x20, 0x7F: true
    case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"): true
    case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"), UInt8(ascii: "\\"): true
    case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "="), UInt8(ascii: "&"), at: true
    default: false
    }
}
