import Wire

/// The members of a schema as rows of a table; those of objects in an array below their array.
enum SchemaRows {
    static func rows(of schema: JSONObject, below path: String = "") -> [[String]] {
        let required = (schema["required"]?.array ?? []).compactMap(\.string)
        return (schema["properties"]?.object?.members ?? []).flatMap { member -> [[String]] in
            guard let form = member.value.object else { return [] }
            let row = [path + member.key, kind(form), required.contains(member.key) ? "yes" : "no", form["description"]?.string ?? ""]
            guard let items = form["items"]?.object else { return [row] }
            return [row] + rows(of: items, below: "\(path)\(member.key)[].")
        }
    }

    private static func kind(_ form: JSONObject) -> String {
        let type = form["type"]?.string ?? "anything"
        if let constant = form["const"] { return constant.compact }
        if let format = form["format"]?.string, type == "string" { return format }
        return form["enum"] == nil ? type : "one of \(form["enum"]?.array?.count ?? 0)"
    }
}
