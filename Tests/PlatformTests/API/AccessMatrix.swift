import Wire

/// Who may use an operation, as the document of the API says.
struct AccessRule: Sendable {
    static let roles = ["customer", "support", "warehouse", "finance", "admin", "service"]

    let id: String
    let tag: String
    let method: String
    let path: String
    /// Empty for everybody.
    let roles: Set<String>
    let scope: String?
    /// How customers are kept to what is theirs.
    let own: String?
    let example: String?
    let isStream: Bool

    /// Every operation of a document, in its order.
    static func all(in document: JSONValue) -> [AccessRule] {
        (document["paths"]?.object?.members ?? []).flatMap { path in
            (path.value.object?.members ?? []).map { AccessRule(path.key, $0.key.uppercased(), $0.value) }
        }
    }

    private init(_ path: String, _ method: String, _ operation: JSONValue) {
        (self.path, self.method) = (path, method)
        id = operation["operationId"]?.string ?? ""
        tag = operation["tags"]?[0]?.string ?? ""
        roles = Set((operation["x-roles"]?.array ?? []).compactMap(\.string))
        (scope, own) = (operation["x-scope"]?.string, operation["x-own"]?.string)
        example = operation["requestBody"]?["content"]?["application/json"]?["example"]?.compact
        isStream = operation["responses"]?["200"]?["content"]?["text/event-stream"] != nil
    }

    /// The rules as `docs/access.md` has them.
    static func table(_ rules: [AccessRule]) -> String {
        var lines = [AccessRule.introduction]
        var tag = ""
        for rule in rules {
            if rule.tag != tag {
                lines += [
                    "", "## \(rule.tag)", "| operation | \(roles.joined(separator: " | ")) | scope |",
                    "| --- |" + String(repeating: " :---: |", count: 6) + " --- |",
                ]
                tag = rule.tag
            }
            lines.append("| `\(rule.method) \(rule.path)` | \(roles.map(rule.cell).joined(separator: " | ")) | \(rule.scope.map { "`\($0)`" } ?? "-") |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func cell(_ role: String) -> String {
        if roles.isEmpty { return "open" }
        guard roles.contains(role) else { return "" }
        return role == "customer" && own != nil ? "own" : "yes"
    }

    private static let introduction = """
        # Who may do what

        This table is made from the rules that the routes state and the gateway applies (`Access`); a test asks a running platform for every cell of it.

        - **yes**: the role may. **own**: a customer may, with what is his; what is another's answers as what does not exist does (404). **open**: no token is asked for.
          Empty: 403. Without a token everything but *open* is 401.
        - Whoever has several roles may what any of them may.
        - A token or an API key that names scopes may do nothing beyond them, whatever its roles allow (403 `insufficient-scope`).
        - Only `service` and `admin` set prices; `support`, `service` and `admin` place orders for others.
        """
}
