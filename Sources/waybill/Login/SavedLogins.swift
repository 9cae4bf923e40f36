import Foundation
import Wire

/// Programs' names and secrets by the address of a platform, as `waybill login` keeps them in a file that nobody else may read.
struct SavedLogins: Sendable {
    /// What a token is asked for with.
    struct Login: Sendable, Equatable {
        let clientID: String
        let secret: String
        var scopes: [String] = []
    }

    private static let maximumBytes = 1 << 20
    let path: String

    /// `$XDG_CONFIG_HOME/waybill/logins.json`, by default below `~/.config` (XDG Base Directory Specification); nil for who has no home.
    static func path(_ environment: [String: String]) -> String? {
        func folder(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
        return (folder("XDG_CONFIG_HOME") ?? folder("HOME").map { $0 + "/.config" }).map { $0 + "/waybill/logins.json" }
    }

    /// The login for an address; nil for none.
    /// - Throws: ``CredentialsError`` for a file that others may read or that is none of ours.
    func login(for url: String) throws(CredentialsError) -> Login? { try all()[SavedLogins.key(url)] }

    /// Keeps a login for an address, or forgets it.
    /// - Throws: ``CredentialsError``.
    func set(_ login: Login?, for url: String) throws(CredentialsError) {
        var logins = try all()
        logins[SavedLogins.key(url)] = login
        try write(logins)
    }

    /// Addresses that differ only in the slash at the end are one.
    private static func key(_ url: String) -> String {
        var key = url
        while key.hasSuffix("/") { key.removeLast() }
        return key
    }

    private func all() throws(CredentialsError) -> [String: Login] {
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: path) else { return [:] }
        // As with keys of ssh: what others have read is no secret any more.
        guard let rights = attributes[.posixPermissions] as? Int, rights & 0o077 == 0 else {
            throw CredentialsError(description: "\(path) may be read by others. Make it yours alone (chmod 600), or remove it.")
        }
        do {
            guard let object = try JSONParser.parse(try FileBytes.read(path, limit: SavedLogins.maximumBytes)).object else { return [:] }
            var logins: [String: Login] = [:]
            for member in object.members {
                guard let login = member.value.object else { continue }
                let scopes = (login["scopes"]?.array ?? []).compactMap(\.string)
                logins[member.key] = Login(clientID: try login.string("clientId"), secret: try login.string("secret"), scopes: scopes)
            }
            return logins
        } catch {
            throw CredentialsError(description: "\(path) cannot be read: \(error). Remove it and log in again.")
        }
    }

    /// Beside the old file and then in its place, so that one that is read meanwhile is whole.
    private func write(_ logins: [String: Login]) throws(CredentialsError) {
        let json = JSONWriter.object { json in
            for (url, login) in logins.sorted(by: { $0.key < $1.key }) {
                json.key(escaping: url)
                json.object { json in
                    json.member("clientId", login.clientID)
                    json.member("secret", login.secret)
                    json.key("scopes")
                    json.array(login.scopes) { $0.string($1) }
                }
            }
        }
        let folder = (path as NSString).deletingLastPathComponent
        let new = "\(path).\(RunName.fresh())"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch { throw CredentialsError(description: "\(folder) cannot be made: \(error.localizedDescription)") }
        let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CredentialsError(description: "\(new) cannot be made: \(String(cString: strerror(errno))).") }
        let written = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            try written.write(contentsOf: Data(json))
            try written.synchronize()
        } catch { throw CredentialsError(description: "\(new) cannot be written: \(error.localizedDescription)") }
        guard rename(new, path) == 0 else { throw CredentialsError(description: "\(path) cannot be replaced: \(String(cString: strerror(errno))).") }
    }
}
