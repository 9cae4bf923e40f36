import Wire

/// An event in the versions that it had in the course of time; they share a name on the wire.
enum Parcel {
    static func shape(_ members: EventMember...) -> EventShape { EventShape("A parcel.", [.required("pounds", .integer(atLeast: 0), "Its weight.")] + members) }
    static let carrier = EventMember.required("carrier", .text, "Who takes it.")

    struct First: Event {
        static let type = "Parcel"
        static let topic = "parcels"
        static let schemaVersion = 1
        static let shape = Parcel.shape()
        let pounds: Int64
        init(pounds: Int64) { self.pounds = pounds }
        func write(to json: inout JSONWriter) { json.member("pounds", pounds) }
        init(from json: JSONObject) throws { pounds = try json.integer("pounds", in: 0...Int64.max) }
    }

    /// Says more than the first, whose readers need not care.
    struct Second: Event {
        static let type = "Parcel"
        static let topic = "parcels"
        static let schemaVersion = 2
        static let readableFrom = 1
        static let shape = Parcel.shape(Parcel.carrier)
        static let upcasters = [Upcaster(from: 1, shape: First.shape) { $0.setting("carrier", to: .string("unknown")) }]
        let pounds: Int64
        let carrier: String
        init(pounds: Int64, carrier: String) { (self.pounds, self.carrier) = (pounds, carrier) }
        func write(to json: inout JSONWriter) {
            json.member("pounds", pounds)
            json.member("carrier", carrier)
        }
        init(from json: JSONObject) throws {
            pounds = try json.integer("pounds", in: 0...Int64.max)
            carrier = try json.string("carrier")
        }
    }

    /// Says it differently: nobody who knows only pounds can read it.
    struct Third: Event {
        static let type = "Parcel"
        static let topic = "parcels"
        static let schemaVersion = 3
        static let shape = EventShape("A parcel.", [.required("grams", .integer(atLeast: 0), "Its weight."), Parcel.carrier])
        static let upcasters =
            Second.upcasters + [
                Upcaster(from: 2, shape: Second.shape, readableFrom: 1) {
                    $0.setting("pounds", to: .number(String(try $0.integer("pounds") * 454))).renaming("pounds", to: "grams")
                }
            ]
        let grams: Int64
        let carrier: String
        init(grams: Int64, carrier: String) { (self.grams, self.carrier) = (grams, carrier) }
        func write(to json: inout JSONWriter) {
            json.member("grams", grams)
            json.member("carrier", carrier)
        }
        init(from json: JSONObject) throws {
            grams = try json.integer("grams", in: 0...Int64.max)
            carrier = try json.string("carrier")
        }
    }

    /// The third as somebody in a hurry would have made it: no way from the second, and a claim that is not true.
    struct Careless: Event {
        static let type = "Parcel"
        static let topic = "parcels"
        static let schemaVersion = 3
        static let readableFrom = 2
        static let shape = Third.shape
        static let upcasters = [Upcaster(from: 1, shape: First.shape) { $0 }]
        func write(to json: inout JSONWriter) {}
        init(from json: JSONObject) throws {}
    }

    /// The third with all its upcasters, and the claim that readers of the second understand it.
    struct Misleading: Event {
        static let type = "Parcel"
        static let topic = "parcels"
        static let schemaVersion = 3
        static let readableFrom = 2
        static let shape = Third.shape
        static let upcasters = Third.upcasters
        func write(to json: inout JSONWriter) {}
        init(from json: JSONObject) throws {}
    }
}
