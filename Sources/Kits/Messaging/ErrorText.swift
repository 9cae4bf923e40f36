import Observability

/// What is kept of an error in parking and dead letters: enough to find the cause, without what must not lie about (promise S16).
enum ErrorText {
    /// Said of an attempt that began and never ended.
    static let processEnded = "the process ended while this event was handled"
    private static let longest = 1000

    /// The error in words: at most 1,000 characters, e-mail addresses and card numbers hidden.
    static func of(_ error: any Error) -> String { hidingCardNumbers(redactEmailAddresses(in: String("\(error)".prefix(longest)))) }

    /// The text with what differs from event to event (numbers, identifiers) replaced by `#`, so that errors with one cause have one text.
    static func group(of text: String) -> String {
        var group = ""
        for word in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == " " }) {
            if !group.isEmpty { group += " " }
            group += shape(of: word)
        }
        return String(group.prefix(200))
    }

    private static func shape(of word: Substring) -> String {
        var shape = ""
        var run: [Character] = []
        for character in word {
            if character.isLetter || character.isNumber || character == "-" {
                run.append(character)
                continue
            }
            shape += ErrorText.shape(of: run) + String(character)
            run = []
        }
        return shape + ErrorText.shape(of: run)
    }

    /// A UUID, a number or a digest (hexadecimal digits and dashes, with a digit among them) becomes one `#`; elsewhere digits do.
    private static func shape(of run: [Character]) -> String {
        guard run.contains(where: \.isNumber) else { return String(run) }
        if run.allSatisfy({ $0.isHexDigit || $0 == "-" }) { return "#" }
        var shape = ""
        for character in run where !(character.isNumber && shape.last == "#") { shape.append(character.isNumber ? "#" : character) }
        return shape
    }

    /// Runs of 13 to 19 digits that pass the check of ISO/IEC 7812 become `***`.
    private static func hidingCardNumbers(_ text: String) -> String {
        var result = ""
        var digits = ""
        func close() {
            result += isCardNumber(digits) ? "***" : digits
            digits = ""
        }
        for character in text {
            if ("0"..."9").contains(character) {
                digits.append(character)
            } else {
                close()
                result.append(character)
            }
        }
        close()
        return result
    }

    private static func isCardNumber(_ digits: String) -> Bool {
        guard (13...19).contains(digits.count) else { return false }
        var sum = 0
        for (index, digit) in digits.utf8.reversed().enumerated() {
            let value = Int(digit) - 48
            let doubled = index % 2 == 1 ? value * 2 : value
            sum += doubled > 9 ? doubled - 9 : doubled
        }
        return sum % 10 == 0
    }
}
