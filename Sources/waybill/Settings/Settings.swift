import Foundation

/// Everything that is set, and where each value comes from: a flag before a variable before the file before the standard value.
struct Settings: Sendable {
    /// Where a value comes from.
    enum Source: Sendable, Equatable {
        case standard
        case file(String, line: Int)
        case variable(String)
        /// The content of a file that a variable or the configuration file names.
        case content(of: String, by: String)
        case flag(String)
    }

    struct Entry: Sendable {
        let setting: Setting
        /// Nil where nothing is set and nothing is standard.
        let value: SettingValue?
        let source: Source
    }

    /// The file that was read; nil for none.
    let path: String?
    /// One per ``Setting/all``, in that order.
    let entries: [Entry]
    /// What was found wrong while reading.
    let mistakes: [String]
    private let values: [String: SettingValue]

    /// Reads all sources. Mistakes in values are collected, so that all can be corrected at once.
    /// - Parameters:
    ///   - path: the configuration file that was asked for; nil for that of the variable `WAYBILL_CONFIG`, or ``standardPath`` if there is one.
    ///   - flags: values by key, as they were typed.
    /// - Throws: ``SettingsError`` when the file cannot be read at all.
    init(path: String? = nil, flags: [String: String] = [:], environment: [String: String], exists: (String) -> Bool = Settings.exists) throws {
        let named = path ?? environment["WAYBILL_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        self.path = named ?? (exists(Settings.standardPath) ? Settings.standardPath : nil)
        let file = try self.path.map { try ConfigurationFile(path: $0) }
        var mistakes = file?.mistakes ?? []
        entries = Setting.all.map { Settings.resolve($0, flags, environment, file, &mistakes) }
        values = Dictionary(entries.compactMap { entry in entry.value.map { (entry.setting.key, $0) } }) { first, _ in first }
        self.mistakes = mistakes
    }

    /// Read when no other file is named.
    static let standardPath = "./waybill.yaml"
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private static func resolve(
        _ setting: Setting, _ flags: [String: String], _ environment: [String: String], _ file: ConfigurationFile?, _ mistakes: inout [String]
    ) -> Entry {
        var name = setting.key
        do throws(SettingMistake) {
            if let text = flags[setting.key], let flag = setting.flag {
                name = flag
                if setting.isSecret, SettingsText.holdsPassword(text) { throw SettingMistake(Settings.noPasswords(setting)) }
                return try entry(setting, try SettingValue(text, as: setting.kind), .flag(flag))
            }
            if let found = try fromEnvironment(setting, environment, &name) { return found }
            if let found = file?.entries[setting.key] {
                name = "\(file?.path ?? ""):\(found.line): \(setting.key)"
                let place = "\(file?.path ?? ""):\(found.line)"
                return try entry(setting, found.value, found.path.map { .content(of: $0, by: place) } ?? .file(file?.path ?? "", line: found.line))
            }
        } catch { mistakes.append("\(name): \(error.words)") }
        return Entry(setting: setting, value: setting.standard.flatMap { try? SettingValue($0, as: setting.kind) }, source: .standard)
    }

    /// Everybody on a machine can read the command lines of its processes.
    private static func noPasswords(_ setting: Setting) -> String {
        "must not hold a password, which everybody on this machine could read: set \(setting.variable), or a file by \(setting.variable)_FILE"
    }

    /// An empty variable is one that is not set: compose files pass on what is not there as an empty text.
    private static func fromEnvironment(_ setting: Setting, _ environment: [String: String], _ name: inout String) throws(SettingMistake) -> Entry? {
        let text = environment[setting.variable].flatMap { $0.isEmpty ? nil : $0 }
        if let variable = setting.fileVariable, let path = environment[variable], !path.isEmpty {
            name = variable
            guard text == nil else { throw SettingMistake("\(setting.variable) is set as well; only one of them may be") }
            return try entry(setting, try SettingValue(try SecretFile.read(path), as: setting.kind), .content(of: path, by: variable))
        }
        guard let text else { return nil }
        name = setting.variable
        return try entry(setting, try SettingValue(text, as: setting.kind), .variable(setting.variable))
    }

    private static func entry(_ setting: Setting, _ value: SettingValue, _ source: Source) throws(SettingMistake) -> Entry {
        do throws(SettingMistake) { try setting.check(value) } catch {
            // The words of a mistake quote the value.
            throw setting.isSecret ? SettingMistake("must be \(setting.kind.words) without control characters\(setting.kind.schemeWords)") : error
        }
        return Entry(setting: setting, value: value, source: source)
    }

    // MARK: - Values

    /// Whether somebody has set it.
    func isSet(_ key: String) -> Bool { entries.contains { $0.setting.key == key && $0.source != .standard } }

    func text(_ key: String) -> String? {
        guard case .text(let text)? = values[key] else { return nil }
        return text
    }
    func number(_ key: String) -> Int? { text(key).flatMap { Int($0) } }
    func truth(_ key: String) -> Bool { text(key) == "true" }
    func list(_ key: String) -> [String] {
        guard case .list(let texts)? = values[key] else { return [] }
        return texts
    }
    func map(_ key: String) -> [String: String] {
        guard case .map(let entries)? = values[key] else { return [:] }
        return entries
    }
}

extension Setting.Kind {
    fileprivate var schemeWords: String {
        guard case .url(let schemes) = self else { return "" }
        return " that begins with \(schemes.map { $0 + "://" }.joined(separator: " or "))"
    }
}

/// All that is wrong with a configuration, one sentence a line.
struct SettingsError: Error, CustomStringConvertible {
    let lines: [String]
    init(_ lines: [String]) { self.lines = lines }
    var description: String { lines.joined(separator: "\n") }
}
