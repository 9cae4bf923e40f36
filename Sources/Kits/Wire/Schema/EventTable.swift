/// Events as Markdown: a section per type with its members, and what older versions looked like.
public enum EventTable {
    /// The sections of these types, each below a heading of the second level.
    public static func markdown(of types: [any Event.Type]) -> String { types.map { section($0) }.joined(separator: "\n") }

    private static func section(_ type: any Event.Type) -> String {
        var lines = ["## \(type.type)", "", type.shape.description, ""]
        let claim = type.readableFrom < type.schemaVersion ? ", for readers from version \(type.readableFrom)" : ""
        lines.append("Version \(type.schemaVersion)\(claim); topic `\(type.topic)`; ordered by `\(type.keyName)`.")
        lines += ["", "| member | what | meaning |", "| --- | --- | --- |"] + rows(type.shape.members)
        for upcaster in type.upcasters.sorted(by: { $0.from > $1.from }) {
            lines += ["", "Version \(upcaster.from) had:", "", "| member | what | meaning |", "| --- | --- | --- |"] + rows(upcaster.shape.members)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rows(_ members: [EventMember], below path: String = "") -> [String] {
        members.flatMap { member -> [String] in
            let name = path + member.name
            let row = "| `\(name)` | \(member.form.summary)\(member.isRequired ? "" : "; optional") | \(member.description) |"
            guard case .objects(let inner) = member.form else { return [row] }
            return [row] + rows(inner, below: "\(name)[].")
        }
    }
}
