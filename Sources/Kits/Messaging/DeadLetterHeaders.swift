import Wire

/// What the message of a dead letter says of its death, as CloudEvents extension attributes (lower case letters and digits only), so that whoever reads `{topic}.DLQ` with any tool
/// knows whose it is and what to look for.
enum DeadLetterHeaders {
    /// Written down in the outbox until the message is published: which letter (``DeadLetterID``), whose, after how many attempts, and how the last of them ended.
    static func text(_ id: DeadLetterID, attempts: Int64, error: String) -> String {
        let json = JSONWriter.object { json in
            json.member("deadletterid", id.description)
            json.member("deadletterconsumer", id.consumer)
            json.member("deadletterattempts", String(attempts))
            json.member("deadletterreason", plain(error))
        }
        return String(decoding: json, as: UTF8.self)
    }

    /// The attributes that were written down; none where that cannot be read, because the event itself matters more.
    static func read(_ text: String) -> [BrokerMessage.Header] {
        guard let json = try? JSONParser.parse(Array(text.utf8)).object else { return [] }
        return json.members.compactMap { member in member.value.string.map { BrokerMessage.Header(member.key, $0) } }
    }

    /// CloudEvents forbids control characters in attributes, and an error's text may have lines.
    private static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
