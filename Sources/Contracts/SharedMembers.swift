import Wire

/// Forms of the business.
extension MemberForm {
    /// A decimal string with the digits of the currency that stands beside it.
    static let amount = MemberForm.matching("^-?(0|[1-9][0-9]*)(\\.[0-9]+)?$", examples: ["19.99", "0.00", "1234"])
    /// A code of ISO 4217.
    static let currencyCode = MemberForm.matching("^[A-Z]{3}$", examples: ["GBP", "JPY", "KWD"])
}

/// Members that several events have.
extension EventMember {
    static let currency = EventMember.required("currency", .currencyCode, "The ISO 4217 code of the currency of all amounts here.")
    static let customerID = EventMember.optional("customerId", .text, "The customer, where one is named.")
}
