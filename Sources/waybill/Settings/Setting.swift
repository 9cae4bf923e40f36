/// One thing that can be set about a platform: what it is called in each place, what it may be, and what it is when nobody sets it.
struct Setting: Sendable {
    /// What a value may be.
    enum Kind: Sendable {
        case text
        case number(ClosedRange<Int>)
        case choice([String])
        /// `true` or `false`.
        case truth
        /// A URL that begins with one of these.
        case url([String])
        /// Texts; in an environment variable or a flag separated by commas.
        case list
        /// Names with values; in an environment variable `name=value`, separated by semicolons.
        case map
    }

    /// Its place in the file: `postgres.url` is `url` below `postgres`.
    let key: String
    let kind: Kind
    /// In the words of a file; nil for none.
    let standard: String?
    /// A sentence for the help and the reference.
    let help: String
    /// Whether it is never shown, or, where it is a URL, only without its password. Such a value may also be the content of a file.
    let isSecret: Bool
    /// Whether it can be given on the command line, where everybody on the machine can read it.
    let hasFlag: Bool

    init(_ key: String, _ kind: Kind, standard: String? = nil, isSecret: Bool = false, hasFlag: Bool = true, _ help: String) {
        (self.key, self.kind, self.standard, self.isSecret, self.hasFlag, self.help) = (key, kind, standard, isSecret, hasFlag, help)
    }

    /// Whether there are settings below this name.
    static func isSection(_ name: String) -> Bool { all.contains { $0.key.hasPrefix(name + ".") } }

    /// `auth.mode` is `auth` itself, where further settings stand below it.
    static func modeOf(_ name: String) -> Setting? {
        guard name.hasSuffix(".mode"), isSection(String(name.dropLast(5))) else { return nil }
        return named(String(name.dropLast(5)))
    }

    /// `WAYBILL_POSTGRES_URL`.
    var variable: String { "WAYBILL_" + key.uppercased().replacing(".", with: "_") }

    /// The variable that names a file with the value; nil for what is no secret.
    var fileVariable: String? { isSecret ? variable + "_FILE" : nil }

    /// `--postgres-url`; nil for what has none.
    var flag: String? {
        guard hasFlag else { return nil }
        return key.hasPrefix("upstreams.") ? "--upstream" : "--" + key.replacing(".", with: "-").replacing("_", with: "-")
    }
}

/// What was set.
enum SettingValue: Equatable {
    case text(String)
    case list([String])
    case map([String: String])

    /// Reads a value that came as one text, from a variable or a flag.
    /// - Throws: ``SettingMistake``.
    init(_ text: String, as kind: Setting.Kind) throws(SettingMistake) {
        switch kind {
        case .list: self = .list(SettingValue.pieces(text, separator: ","))
        case .map:
            var entries: [String: String] = [:]
            for entry in SettingValue.pieces(text, separator: ";") {
                guard let equals = entry.firstIndex(of: "="), equals > entry.startIndex else { throw SettingMistake("\"\(entry)\" is not name=value") }
                let name = String(entry[..<equals]).trimmed
                guard entries.updateValue(String(entry[entry.index(after: equals)...]).trimmed, forKey: name) == nil else {
                    throw SettingMistake("\"\(name)\" is given twice")
                }
            }
            self = .map(entries)
        default: self = .text(text)
        }
    }

    private static func pieces(_ text: String, separator: Character) -> [String] { text.split(separator: separator).map { $0.trimmed }.filter { !$0.isEmpty } }
}

/// What is wrong with a value: a phrase that follows the setting's name.
struct SettingMistake: Error {
    let words: String
    init(_ words: String) { self.words = words }
}

extension Setting {
    /// Refuses a value that the setting may not have.
    /// - Throws: ``SettingMistake``.
    func check(_ value: SettingValue) throws(SettingMistake) {
        switch (kind, value) {
        case (.text, .text(let text)): try Setting.checkPlain(text)
        case (.number(let range), .text(let text)):
            guard let number = Int(text), range.contains(number) else {
                throw SettingMistake("\"\(text)\" is not a whole number from \(range.lowerBound) to \(range.upperBound)\(Setting.serviceLinkAdvice(text))")
            }
        case (.choice(let words), .text(let text)):
            guard words.contains(text) else { throw SettingMistake("\"\(text)\" is none of \(words.joined(separator: ", "))") }
        case (.truth, .text(let text)):
            guard text == "true" || text == "false" else { throw SettingMistake("\"\(text)\" is neither true nor false") }
        case (.url(let schemes), .text(let text)):
            try Setting.checkPlain(text)
            guard schemes.contains(where: { text.hasPrefix($0 + "://") && text.count > $0.count + 3 }) else {
                throw SettingMistake("must begin with \(schemes.map { $0 + "://" }.joined(separator: " or "))")
            }
        case (.list, .list(let texts)): for text in texts { try Setting.checkPlain(text) }
        case (.map, .map(let entries)): for (name, text) in entries { for text in [name, text] { try Setting.checkPlain(text) } }
        default: throw SettingMistake("must be \(kind.words)")
        }
    }

    private static func checkPlain(_ text: String) throws(SettingMistake) {
        guard text.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else { throw SettingMistake("contains a control character") }
    }

    /// Kubernetes puts `WAYBILL_PORT=tcp://10.0.0.1:80` into every pod beside a Service called waybill.
    private static func serviceLinkAdvice(_ text: String) -> String {
        text.hasPrefix("tcp://") ? " (Kubernetes set this variable for a Service called waybill: set enableServiceLinks: false in the pod)" : ""
    }
}

extension Setting.Kind {
    /// Whether its value in a file is a map.
    var takesMapping: Bool { if case .map = self { true } else { false } }

    /// What a value must be, after "must be".
    var words: String {
        switch self {
        case .text: "a text"
        case .number(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): "one of \(words.joined(separator: ", "))"
        case .truth: "true or false"
        case .url: "a URL"
        case .list: "a list"
        case .map: "a map of names to values"
        }
    }
}

extension StringProtocol {
    /// Without blanks and line ends before and after.
    var trimmed: String {
        var text = Substring(self)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
