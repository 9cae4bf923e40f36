import BrokerRabbitMQ
import Messaging
import Testing

@Suite("RabbitMQ's address")
struct ConfigurationTests {
    @Test("is read with all its parts")
    func parts() throws {
        let configuration = try RabbitMQConfiguration(
            url: "amqps://way%40bill:p%3Aw%2Fd@one.example:5700,two.example,[::1]:5673/shop%2Feu?cacertfile=/a.pem&certfile=/c.pem&keyfile=/k.pem&heartbeat=7")
        #expect(configuration.endpoints == [.init(host: "one.example", port: 5700), .init(host: "two.example", port: 5671), .init(host: "::1", port: 5673)])
        #expect(configuration.login == .plain(user: "way@bill", password: "p:w/d"))
        #expect(configuration.virtualHost == "shop/eu")
        #expect(configuration.tls?.authorities == "/a.pem")
        #expect(configuration.tls?.certificate == "/c.pem")
        #expect(configuration.tls?.key == "/k.pem")
        #expect(configuration.tls?.verifiesBroker == true)
        #expect(configuration.heartbeat == .seconds(7))
    }

    @Test("has the usual defaults", arguments: ["amqp://localhost", "amqp://localhost/", "amqp://guest:guest@localhost:5672/%2F"])
    func defaults(_ url: String) throws {
        let configuration = try RabbitMQConfiguration(url: url)
        #expect(configuration.endpoints == [.init(host: "localhost", port: 5672)])
        #expect(configuration.login == .plain(user: "guest", password: "guest"))
        #expect(configuration.virtualHost == "/")
        #expect(configuration.tls == nil)
    }

    @Test("can be a login by certificate, and an unchecked broker, where that is said")
    func choices() throws {
        let configuration = try RabbitMQConfiguration(
            url: "amqps://host?auth_mechanism=external&certfile=c&keyfile=k&verify=verify_none&connection_timeout=250")
        #expect(configuration.login == .external)
        #expect(configuration.tls?.verifiesBroker == false)
        #expect(configuration.connectTimeout == .milliseconds(250))
    }

    @Test(
        "is refused where it makes no sense, without its password in the words",
        arguments: [
            "localhost:5672", "http://u:secret@host", "amqp://u:secret@", "amqp://u:secret@host:port", "amqp://u:secret@host:0", "amqp://u:secret@host:99999",
            "amqp://u:secret@host/?cacertfile=x", "amqp://u:secret@host/?colour=blue", "amqp://u:secret@host/%zz", "amqp://u:secret@host/?heartbeat=soon",
            "amqps://u:secret@host/?verify=maybe", "amqps://u:secret@host/?certfile=x", "amqp://u:secret@host/?auth_mechanism=external", "amqp://u:secret@a,,b",
            "amqp://u:secret@[::1]5672", "amqp://u:secret@host/?heartbeat=-1", "",
        ])
    func refused(_ url: String) throws {
        let error = #expect(throws: BrokerError.self) { _ = try RabbitMQConfiguration(url: url) }
        guard case .misconfigured(let words) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!words.contains("secret"))
        #expect(!words.isEmpty)
    }

    @Test("never shows its password")
    func secrets() throws {
        let configuration = try RabbitMQConfiguration(url: "amqp://waybill:secret@host/shop")
        #expect("\(configuration)" == "amqp://waybill:***@host:5672/shop")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), "\(configuration.login)", String(reflecting: configuration.login), dumped] {
            #expect(!text.contains("secret"))
        }
    }
}
