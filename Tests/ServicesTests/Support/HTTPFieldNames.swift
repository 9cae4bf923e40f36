import HTTPTypes

extension HTTPField.Name {
    static var lastEventIDForTests: HTTPField.Name { HTTPField.Name("Last-Event-ID") ?? .ifMatch }
}
