import Messaging
import Wire

extension AdminAction {
    /// The action as every service shows it: an object.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", id)
            json.member("at", at)
            json.member("actor", actor)
            json.member("action", action)
            json.member("subject", subject)
            if let before {
                json.key("before")
                json.raw(before)
            }
            if let after {
                json.key("after")
                json.raw(after)
            }
        }
    }
}
