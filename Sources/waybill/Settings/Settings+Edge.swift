import Web

extension Settings {
    /// How the entry meets the outside. To be asked for after ``check(built:)``.
    func edge() -> EdgeConfiguration {
        var edge = EdgeConfiguration()
        edge.maximumConnectionsPerAddress = number("max_connections_per_address") ?? edge.maximumConnectionsPerAddress
        edge.trustedProxies = (try? AddressRanges(list("trusted_proxies"))) ?? edge.trustedProxies
        edge.limits.head = number("request_head_timeout_s").map { .seconds($0) } ?? edge.limits.head
        edge.limits.body = number("request_body_timeout_s").map { .seconds($0) } ?? edge.limits.body
        edge.crossOrigin = (try? CrossOrigin(list("cors.origins"))) ?? edge.crossOrigin
        edge.compresses = truth("compression")
        edge.accessLog = text("access_log").flatMap { AccessLogMode(rawValue: $0) } ?? edge.accessLog
        if let certificate = text("tls.certificate"), let key = text("tls.key") { edge.tls = TLSFiles(certificate: certificate, key: key) }
        return edge
    }
}

extension SettingsCheck {
    var edge: [String] {
        var mistakes: [String] = []
        do throws(NoAddressRange) { _ = try AddressRanges(settings.list("trusted_proxies")) } catch {
            mistakes.append("trusted_proxies: \"\(error.text)\" is no network: 10.0.0.0/8, 2001:db8::/32 or an address")
        }
        do throws(NoOrigin) { _ = try CrossOrigin(settings.list("cors.origins")) } catch {
            mistakes.append("cors.origins: \"\(error.text)\" is no origin: https://shop.example without a path, in small letters; or * alone")
        }
        let files = ["tls.certificate", "tls.key"].filter(settings.isSet)
        if files.count == 1 { mistakes.append("\(files[0]): needs the other of tls.certificate and tls.key as well") }
        if !files.isEmpty, !built.contains("tls") {
            mistakes.append("\(files[0]): this build has no TLS; build with WAYBILL_ENGINES=tls, or let a proxy in front do it (trusted_proxies)")
        }
        return mistakes
    }
}
