import Foundation
import Yams

/// The settings of a YAML file, each with the line where it stands. Knows which settings there are and nothing of what they mean.
struct ConfigurationFile {
    struct Entry {
        var value: SettingValue
        let line: Int
        /// The file whose content the value is.
        var path: String?
    }

    /// Larger than this no configuration is.
    private static let maximumBytes = 1 << 20

    let path: String
    private(set) var entries: [String: Entry] = [:]
    private(set) var mistakes: [String] = []

    /// - Throws: ``SettingsError`` when there is no such file, or it is no YAML. Mistakes in the settings are collected.
    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { throw SettingsError(["\(path): there is no such file, or it cannot be read"]) }
        guard data.count <= ConfigurationFile.maximumBytes, let text = String(data: data, encoding: .utf8) else {
            throw SettingsError(["\(path): is not a text of at most 1 MiB"])
        }
        try self.init(text, path: path)
    }

    /// - Parameter path: what the file is called, and where files that it names are looked for.
    init(_ text: String, path: String) throws {
        self.path = path
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch { throw SettingsError(["\(path): \(ConfigurationFile.words(error))"]) }
        guard let root, !root.isEmpty else { return }
        guard let mapping = root.mapping else { throw SettingsError(["\(path): must be a map of settings"]) }
        read(mapping, below: "")
    }

    private mutating func read(_ mapping: Node.Mapping, below prefix: String) {
        for (key, value) in mapping {
            let name = prefix + (key.string ?? "?")
            let line = key.mark?.line ?? 0
            if let setting = Setting.named(name), value.mapping == nil || setting.kind.takesMapping || !Setting.isSection(name) {
                read(setting, value, line)
            } else if let mode = Setting.modeOf(name) {
                read(mode, value, line)
            } else if Setting.all.contains(where: { $0.key.hasPrefix(name + ".") }) {
                if let mapping = value.mapping { read(mapping, below: name + ".") } else if !value.isEmpty { note(line, "\(name): must be a map of settings") }
            } else {
                let known = NearestKey.of(name, among: Setting.all.map(\.key) + sections)
                note(line, "there is no setting \"\(name)\"" + (known.map { "; did you mean \"\($0)\"?" } ?? ""))
            }
        }
    }

    private var sections: [String] { Set(Setting.all.compactMap { $0.key.split(separator: ".").dropLast().first.map(String.init) }).sorted() }

    private mutating func read(_ setting: Setting, _ node: Node, _ line: Int) {
        // A key without a value says nothing.
        guard !node.isEmpty else { return }
        do throws(SettingMistake) {
            entries[setting.key] = try entry(setting, node, line)
        } catch { note(line, "\(setting.key): \(error.words)") }
    }

    private func entry(_ setting: Setting, _ node: Node, _ line: Int) throws(SettingMistake) -> Entry {
        if setting.isSecret, let reference = fileReference(node) {
            return Entry(value: try SettingValue(try SecretFile.read(reference), as: setting.kind), line: line, path: reference)
        }
        switch setting.kind {
        case .list:
            if let text = node.scalar?.string { return Entry(value: try SettingValue(text, as: .list), line: line) }
            guard let sequence = node.sequence else { throw SettingMistake("must be a list") }
            return Entry(value: .list(try texts(sequence)), line: line)
        case .map:
            guard let mapping = node.mapping else { throw SettingMistake("must be a map of names to values") }
            var values: [String: String] = [:]
            for (key, value) in mapping {
                guard let name = key.scalar?.string else { throw SettingMistake("must be a map of names to values") }
                if let reference = fileReference(value) {
                    values[name] = try SecretFile.read(reference)
                } else if let text = value.scalar?.string {
                    values[name] = text
                } else {
                    throw SettingMistake("the value of \"\(name)\" must be a text, or {file: path}")
                }
            }
            return Entry(value: .map(values), line: line)
        default:
            guard let text = node.scalar?.string else { throw SettingMistake("must be \(setting.kind.words)\(setting.isSecret ? ", or {file: path}" : "")") }
            return Entry(value: .text(text), line: line)
        }
    }

    private func texts(_ sequence: Node.Sequence) throws(SettingMistake) -> [String] {
        var texts: [String] = []
        for node in sequence {
            guard let text = node.scalar?.string else { throw SettingMistake("must be a list of texts") }
            texts.append(text)
        }
        return texts
    }

    /// The path of `{file: path}`, seen from where this file is.
    private func fileReference(_ node: Node) -> String? {
        guard let mapping = node.mapping, mapping.count == 1, let path = mapping["file"]?.scalar?.string else { return nil }
        return path.hasPrefix("/") ? path : URL(fileURLWithPath: self.path).deletingLastPathComponent().appendingPathComponent(path).path
    }

    private mutating func note(_ line: Int, _ words: String) { mistakes.append("\(path):\(line): \(words)") }

    private static func words(_ error: any Error) -> String { "\(error)".split(separator: "\n").joined(separator: " ") }
}

extension Node {
    /// Whether nothing stands there.
    fileprivate var isEmpty: Bool { scalar.map { $0.string.isEmpty || $0.string == "~" || $0.string == "null" } ?? false }
}

/// Files that hold one secret each, as Docker and Kubernetes mount them.
enum SecretFile {
    private static let maximumBytes = 64 << 10

    /// The content without the line end that editors put there.
    static func read(_ path: String) throws(SettingMistake) -> String {
        guard let data = FileManager.default.contents(atPath: path) else { throw SettingMistake("the file \(path) cannot be read") }
        guard data.count <= maximumBytes, let text = String(data: data, encoding: .utf8) else {
            throw SettingMistake("the file \(path) is not a text of at most 64 KiB")
        }
        let secret = text.trimmed
        guard !secret.isEmpty else { throw SettingMistake("the file \(path) is empty") }
        return secret
    }
}
