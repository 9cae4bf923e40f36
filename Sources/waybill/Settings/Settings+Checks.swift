import Platform
import WaybillClient
import Web

extension Settings {
    /// What runs in this process.
    /// - Throws: ``SettingMistake``.
    func services() throws(SettingMistake) -> Set<ServiceName> {
        let names = list("services")
        if names == ["all"] { return ServiceName.everything }
        guard !names.isEmpty else { throw SettingMistake("names nothing to run") }
        var services: Set<ServiceName> = []
        for name in names {
            guard let service = ServiceName(rawValue: name) else {
                if name == "all" { throw SettingMistake("\"all\" stands alone") }
                let known = ServiceName.allCases.map(\.rawValue)
                let nearest = NearestKey.of(name, among: known)
                throw SettingMistake(
                    "\"\(name)\" is no service" + (nearest.map { "; did you mean \"\($0)\"?" } ?? "; there are \(known.joined(separator: ", "))"))
            }
            services.insert(service)
        }
        return services
    }

    /// All that is wrong: with single values, and with values that do not go together.
    /// - Parameter built: the engines that this build has.
    func allMistakes(built: Set<String> = BuiltEngines.names) -> [String] {
        var all = mistakes
        let services: Set<ServiceName>
        do throws(SettingMistake) { services = try self.services() } catch { return all + ["services: \(error.words)"] }
        let check = SettingsCheck(settings: self, services: services, built: built)
        all += check.identity + check.edge + check.authentication + check.storage + check.broker + check.cache + check.rateLimits + check.upstreams
        all += check.webhooks
        return all
    }

    /// What is wrong for somebody who opens the engines of all services and runs none of them.
    /// - Parameter withBroker: whether the broker is opened as well.
    func engineMistakes(withBroker: Bool, built: Set<String> = BuiltEngines.names) -> [String] {
        let check = SettingsCheck(settings: self, services: ServiceName.everything, built: built)
        return mistakes + check.storage + (withBroker ? check.broker : [])
    }

    /// What is allowed, and probably not what was meant.
    func remarks(environment: [String: String] = [:]) -> [String] {
        var remarks: [String] = []
        for (section, key) in [("postgres", "storage"), ("kafka", "broker"), ("rabbitmq", "broker"), ("redis", "cache")] where text(key) != section {
            if section == "redis", text("rate_limits.store") == section { continue }
            let set = entries.filter { $0.setting.key.hasPrefix(section + ".") && $0.source != .standard }.map(\.setting.key)
            if !set.isEmpty { remarks.append("\(set.joined(separator: ", ")): not used, because \(key) is \(text(key) ?? "not set")") }
        }
        if isSet("postgres.schema_prefix"), text("storage") == "postgres", text("postgres.url")?.contains("{service}") == true {
            remarks.append("postgres.schema_prefix: not used, because postgres.url has {service} in it: each service has a database of its own")
        }
        if let services = try? self.services(), services != ServiceName.everything, !isSet("internal_secret") {
            remarks.append("internal_secret: not set, so that a request has another identity in each process; set the same for all of them")
        }
        let known =
            Setting.all.flatMap { [$0.variable, $0.fileVariable].compactMap(\.self) } + [
                "WAYBILL_CONFIG", "WAYBILL_URL", "WAYBILL_TOKEN", "WAYBILL_TOKEN_FILE", "WAYBILL_CA_FILE",
            ]
        for variable in environment.keys.sorted() where variable.hasPrefix("WAYBILL_") && !known.contains(variable) {
            if let meant = known.first(where: { NearestKey.distance($0, variable) <= 2 }) { remarks.append("\(variable): no setting; did you mean \(meant)?") }
        }
        return remarks
    }
}

/// The rules that concern several settings at once. Each says in words what to do.
struct SettingsCheck {
    let settings: Settings
    let services: Set<ServiceName>
    let built: Set<String>

    private var runsAll: Bool { services == ServiceName.everything }
    /// Those that have data and react to events.
    private var working: [ServiceName] { ServiceName.withDatabase.filter(services.contains) }
    /// Those that hear of events or tell of them.
    private var carrying: [ServiceName] { working.filter { $0 != .identity } }
    private var words: String { ServiceName.allCases.filter(services.contains).map(\.rawValue).joined(separator: ", ") }

    var identity: [String] {
        var mistakes: [String] = []
        if settings.text("host")?.isEmpty != false { mistakes.append("host: must not be empty") }
        if let instance = settings.text("instance"), !(1...100).contains(instance.utf8.count) || !instance.utf8.allSatisfy(SettingsCheck.isPlain) {
            mistakes.append("instance: must be 1 to 100 letters, digits, dots, hyphens or underscores")
        }
        if let secret = settings.text("internal_secret"), secret.utf8.count < 16 || !secret.utf8.allSatisfy({ (33...126).contains($0) }) {
            mistakes.append("internal_secret: must be at least 16 visible ASCII characters")
        }
        return mistakes
    }

    var storage: [String] {
        guard !working.isEmpty else { return [] }
        if settings.text("storage") == "postgres" {
            let mistakes = lacks("postgres", "storage")
            guard let url = settings.text("postgres.url") else {
                return mistakes + ["postgres.url: must be set where storage is postgres, for example postgres://waybill@db/waybill_{service}"]
            }
            return url.contains("{service}") ? mistakes : mistakes + schemas
        }
        if settings.text("data")?.isEmpty != false { return ["data: must name a folder"] }
        if working != ServiceName.withDatabase {
            return [
                "storage: sqlite keeps the data of all services in one process, and this one runs only \(words): choose postgres, or run all services here"
            ]
        }
        return others("storage: sqlite keeps a service's data in one process")
    }

    /// The names of schemas in a database that the services share.
    private var schemas: [String] {
        guard let prefix = settings.text("postgres.schema_prefix"), !prefix.isEmpty else { return [] }
        if prefix.hasPrefix("pg_") { return ["postgres.schema_prefix: must not begin with pg_, which PostgreSQL keeps for itself"] }
        // A name has at most 63 bytes, and the longest service is payment_provider.
        return prefix.utf8.count > 47 ? ["postgres.schema_prefix: must have at most 47 bytes"] : []
    }

    var broker: [String] {
        guard !carrying.isEmpty else { return [] }
        switch settings.text("broker") {
        case "kafka": return lacks("kafka", "broker") + required("kafka.bootstrap", "broker is kafka", example: "kafka:9092")
        case "rabbitmq": return lacks("rabbitmq", "broker") + required("rabbitmq.url", "broker is rabbitmq", example: "amqp://waybill@rabbitmq")
        default:
            if working == ServiceName.withDatabase { return others("broker: embedded hands events over within one process") }
            return [
                "broker: embedded hands events over within one process, and this one runs only \(words): choose kafka or rabbitmq, or run all services here"
            ]
        }
    }

    var cache: [String] {
        switch settings.text("cache") {
        case "redis": return lacks("redis", "cache") + required("redis.url", "cache is redis", example: "redis://redis:6379/0")
        case "memory":
            guard services.contains(.orders), settings.list("upstreams.orders").count > 1 else { return [] }
            return ["cache: memory is a process's own, and upstreams.orders names several: choose redis or none"]
        default: return []
        }
    }

    var rateLimits: [String] {
        guard services.contains(.gateway), settings.text("rate_limits.store") == "redis" else { return [] }
        return lacks("redis", "rate_limits.store") + required("redis.url", "rate_limits.store is redis", example: "redis://redis:6379/0")
    }

    var upstreams: [String] {
        var mistakes: [String] = []
        for service in ServiceName.withDatabase {
            for url in settings.list("upstreams.\(service.rawValue)") {
                do throws(ClientError) { try HTTPClient.check(baseURL: url) } catch { mistakes.append("upstreams.\(service.rawValue): \(error)") }
                if HTTPClient.isEncrypted(baseURL: url) {
                    mistakes.append(
                        "upstreams.\(service.rawValue): processes speak http with each other; give their network the encryption, or \(url) a proxy beside this one"
                    )
                }
            }
        }
        for service in ServiceName.allCases where services.contains(service) {
            for asked in service.asks where !services.contains(asked) && settings.list("upstreams.\(asked.rawValue)").isEmpty && isNeeded(asked) {
                mistakes.append(
                    "upstreams.\(asked.rawValue): must name where \(asked.rawValue) runs, because \(service.rawValue) asks it and is here without it")
            }
        }
        return mistakes
    }

    var webhooks: [String] {
        settings.list("webhooks.allow_networks").filter { NetworkRange($0) == nil }.map {
            "webhooks.allow_networks: \"\($0)\" is no network; write an address, or one with the number of bits that count: 10.1.0.0/16"
        }
    }

    /// Without Identity a platform can do that believes an identity provider only, or everybody.
    private func isNeeded(_ service: ServiceName) -> Bool {
        service != .identity || settings.text("auth") != "off" && settings.text("auth.identity") != "false"
    }

    private func lacks(_ engine: String, _ key: String) -> [String] {
        if built.contains(engine) { return [] }
        let advice = "build it with WAYBILL_ENGINES=\(engine) (or all) in the environment, see docs/adr/0017-engines.md"
        return ["\(key): this build of waybill lacks \(engine); \(advice)"]
    }

    private func required(_ key: String, _ reason: String, example: String) -> [String] {
        settings.text(key)?.isEmpty == false ? [] : ["\(key): must be set where \(reason), for example \(example)"]
    }

    /// Complains of other processes that run the same services as this one.
    private func others(_ rule: String) -> [String] {
        working.filter { settings.list("upstreams.\($0.rawValue)").count > 1 }.prefix(1).map {
            "\(rule), and upstreams.\($0.rawValue) names several: run one, or choose postgres and a broker"
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || [45, 46, 95].contains(byte)
    }
}
