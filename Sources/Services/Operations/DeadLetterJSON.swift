import Messaging
import Storage
import Wire

/// Dead letters as answers show them.
enum DeadLetterJSON {
    /// What lists and answers show of a letter.
    static func write(_ letter: DeadLetter, to json: inout JSONWriter) {
        json.member("id", letter.id.description)
        json.member("consumer", letter.consumer)
        json.member("eventId", letter.eventID)
        json.member("orderId", letter.key)
        json.member("type", letter.type)
        json.member("topic", letter.topic)
        json.member("state", letter.state.name)
        json.member("version", letter.version)
        json.member("attempts", letter.attempts)
        json.member("error", letter.error)
        json.member("errorGroup", letter.errorGroup)
        json.member("parkedAt", letter.parkedAt)
        json.member("diedAt", letter.diedAt)
        json.optional("closedAt", letter.closedAt)
        json.optional("closedBy", letter.closedBy)
        json.optional("reason", letter.closedBecause)
        json.member("edited", letter.original != nil)
    }

    static func write(_ group: DeadLetterGroup, to json: inout JSONWriter) {
        json.object { json in
            json.member("consumer", group.consumer)
            json.member("type", group.type)
            json.member("error", group.errorGroup)
            json.member("count", group.count)
            json.member("oldest", group.oldest)
            json.member("newest", group.newest)
            json.member("example", DeadLetterID(consumer: group.consumer, eventID: group.example).description)
        }
    }

    /// The event, the attempts, and the attributes of CloudEvents 1.0 that derive from the event.
    static func writeDetails(_ file: DeadLetterFile, to json: inout JSONWriter) {
        let letter = file.letter
        json.member("parkedBehind", file.parkedBehind)
        json.optional("behind", file.behind?.description)
        json.key("headers")
        writeHeaders(letter, to: &json)
        json.key("event")
        writeBody(letter.body, to: &json)
        if let original = letter.original {
            json.key("original")
            writeBody(original, to: &json)
        }
        json.key("failures")
        json.array(file.attempts) { json, attempt in
            json.object { json in
                json.member("attempt", attempt.attempt)
                json.member("at", attempt.at)
                json.member("error", attempt.error)
            }
        }
    }

    private static func writeHeaders(_ letter: DeadLetter, to json: inout JSONWriter) {
        let event = (try? JSONParser.parse(letter.body))?.object
        json.object { json in
            json.member("ce-specversion", "1.0")
            json.member("ce-id", letter.eventID)
            json.member("ce-type", letter.type)
            json.member("ce-subject", letter.key)
            json.optional("ce-source", event?["source"]?.string)
            json.optional("ce-time", event?["timestamp"]?.string)
            json.optional("correlationId", event?["correlationId"]?.string)
            json.optional("causationId", event?["causationId"]?.string)
        }
    }

    /// The event as it is; what is not JSON, as text.
    private static func writeBody(_ body: [UInt8], to json: inout JSONWriter) {
        if (try? JSONParser.parse(body)) == nil { json.string(String(decoding: body, as: UTF8.self)) } else { json.raw(body) }
    }

    static func write(_ rehearsal: Rehearsal, to json: inout JSONWriter) {
        json.member("applies", rehearsal.error == nil)
        json.optional("error", rehearsal.error)
        json.key("events")
        json.array(rehearsal.events) { $0.raw($1) }
        json.key("jobs")
        json.array(rehearsal.jobs) { json, job in
            json.object { json in
                json.member("kind", job.kind)
                json.member("orderId", job.key)
                json.key("payload")
                writeBody(Array(job.payload.utf8), to: &json)
            }
        }
        json.key("writes")
        json.array(rehearsal.writes) { json, write in
            json.object { json in
                json.member("operation", write.operation)
                json.member("table", write.table)
                json.member("rows", write.rows)
                json.member("statement", write.statement)
                json.key("values")
                json.array(write.values) { json, values in json.array(values, DeadLetterJSON.write) }
            }
        }
    }

    /// A parameter of a statement. Bytes are events' JSON, or shown in hexadecimal.
    private static func write(_ json: inout JSONWriter, _ value: SQLValue) {
        switch value {
        case .null: json.null()
        case .integer(let number): json.integer(number)
        case .text(let text): json.string(text)
        case .id(let id): json.identifier(id)
        case .bytes(let bytes):
            let isJSON = (try? JSONParser.parse(bytes)) != nil
            isJSON ? json.raw(bytes) : json.string(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        }
    }
}
