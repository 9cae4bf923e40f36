import Platform
import Wire

/// Shows what is in force and where it comes from, without a secret.
struct SettingsText {
    let settings: Settings

    var table: Table {
        var table = Table(["SETTING", "VALUE", "FROM"])
        for entry in settings.entries { table.add([entry.setting.key, SettingsText.shown(entry) ?? "-", SettingsText.words(entry)]) }
        return table
    }

    /// - Parameters:
    ///   - mistakes: what is wrong.
    ///   - remarks: what is probably not what was meant.
    func json(mistakes: [String], remarks: [String]) -> [UInt8] {
        JSONWriter.object(capacity: 4096) { json in
            json.optional("file", settings.path)
            json.member("valid", mistakes.isEmpty)
            json.key("settings")
            json.array(settings.entries) { json, entry in
                json.object { json in
                    json.member("key", entry.setting.key)
                    json.optional("value", SettingsText.shown(entry))
                    json.member("from", SettingsText.words(entry))
                }
            }
            json.key("mistakes")
            json.array(mistakes) { $0.value(.string($1)) }
            json.key("remarks")
            json.array(remarks) { $0.value(.string($1)) }
        }
    }

    static func shown(_ entry: Settings.Entry) -> String? {
        switch entry.value {
        case nil: nil
        case .text(let text): entry.setting.isSecret ? hidden(text, entry.setting.kind) : text
        case .list(let texts): texts.joined(separator: ", ")
        case .map(let entries):
            entries.sorted { $0.key < $1.key }.map { "\($0)=\(entry.setting.isSecret && isSensitive($0) ? "***" : $1)" }.joined(separator: "; ")
        }
    }

    private static func words(_ entry: Settings.Entry) -> String {
        switch entry.source {
        case .standard: entry.value == nil ? "" : "default"
        case .file(let path, let line): "\(path):\(line)"
        case .variable(let name): name
        case .content(let path, let name): "\(path), named by \(name)"
        case .flag(let name): name
        }
    }

    /// A URL without its password; of anything else, nothing.
    private static func hidden(_ text: String, _ kind: Setting.Kind) -> String {
        guard case .url = kind, let begin = text.firstRange(of: "://")?.upperBound else { return "***" }
        let authority = text[begin...].prefix { $0 != "/" && $0 != "?" }
        let rest = text[authority.endIndex...]
        // A password with a slash in it, which is not where one may stand: rather too little is shown.
        guard !rest.prefix(while: { $0 != "?" }).contains("@") else { return String(text[..<begin]) + "***" }
        var shown = String(text[..<begin])
        // Up to the last "@": a password may contain one.
        if let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":") {
            shown += authority[...colon] + "***" + authority[at...]
        } else {
            shown += authority
        }
        guard let question = rest.firstIndex(of: "?") else { return shown + rest }
        let parameters = rest[question...].dropFirst().split(separator: "&", omittingEmptySubsequences: false).map { parameter in
            let name = parameter.prefix { $0 != "=" }
            return isSensitive(String(name)) ? "\(name)=***" : String(parameter)
        }
        return shown + rest[..<question] + "?" + parameters.joined(separator: "&")
    }

    /// Whether a URL has a password in it, before the host or among its parameters.
    static func holdsPassword(_ text: String) -> Bool {
        guard let begin = text.firstRange(of: "://")?.upperBound else { return false }
        let rest = text[begin...]
        let place = rest.prefix { $0 != "?" }
        if let at = place.lastIndex(of: "@"), place[..<at].contains(":") { return true }
        guard let question = rest.firstIndex(of: "?") else { return false }
        return rest[question...].dropFirst().split(separator: "&").contains { parameter in
            let name = parameter.prefix { $0 != "=" }.lowercased()
            return ["password", "secret", "token"].contains { name.contains($0) }
        }
    }

    /// Whether a property's name says that its value is nobody's business.
    private static func isSensitive(_ name: String) -> Bool {
        let name = name.lowercased()
        return ["password", "secret", "key", "token", "credential", "pem", "jaas", "oauthbearer"].contains { name.contains($0) }
    }
}

extension SettingsText {
    /// All settings for `docs/configuration.md`.
    static var reference: String {
        var lines = ["| setting | default | variable | flag | |", "| --- | --- | --- | --- | --- |"]
        for setting in Setting.all {
            let variables = [setting.variable, setting.fileVariable].compactMap(\.self).map { "`\($0)`" }.joined(separator: ", ")
            let flag = setting.flag.map { $0 == "--upstream" ? "`--upstream \(setting.key.dropFirst("upstreams.".count))=URL,URL`" : "`\($0)`" } ?? ""
            lines.append("| `\(setting.key)` | \(setting.standard.map { "`\($0)`" } ?? "") | \(variables) | \(flag) | \(setting.help)\(words(setting.kind)) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func words(_ kind: Setting.Kind) -> String {
        switch kind {
        case .number(let range): " \(range.lowerBound) to \(range.upperBound)."
        case .choice(let words): " \(words.map { "`\($0)`" }.joined(separator: ", "))."
        default: ""
        }
    }
}
