import Contracts
import HTTPTypes
import Web
import Wire

/// The schemas of all events, for those who write programs that read them.
struct ShowSchemas: Sendable {
    /// `GET /events/schemas`: every event with its versions.
    func list(_ request: WebRequest) throws -> WebResponse {
        return .json(capacity: 8192) { json in
            json.key("items")
            json.array(EventCatalog.types) { json, type in
                json.object { json in
                    json.member("type", type.type)
                    json.member("version", type.schemaVersion)
                    json.key("versions")
                    json.array(EventSchema.versions(of: type)) { $0.integer($1.version) }
                    json.member("topic", type.topic)
                    json.member("description", type.shape.description)
                    json.member("schema", "/api/v1/events/schemas/\(type.type)")
                }
            }
        }
    }

    /// `GET /events/schemas/{type}`: the JSON Schema of an event's newest version, or of the one in `version`.
    func one(_ request: WebRequest) throws -> WebResponse {
        guard let type = request.parameters["type"].flatMap({ EventCatalog.registry[$0] }) else { throw Problem.notFound("type of event") }
        let version = try request.integer("version", in: 1...9999, default: type.schemaVersion)
        guard let schema = EventSchema.versions(of: type).first(where: { $0.version == version }) else { throw Problem.notFound("version of this event") }
        return WebResponse(status: .ok, headers: [.contentType: "application/schema+json"], body: .bytes(Array(schema.text.utf8)))
    }
}
