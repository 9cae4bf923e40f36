import Web

extension Setting {
    /// How the entry meets the outside.
    static let edge = [
        Setting(
            "max_connections_per_address", .number(1...1_000_000), standard: "2048", hasFlag: false,
            "Most connections that one address, or one network of 64 bits, has at once; more are answered 503 and closed. Trusted proxies have no such bound."),
        Setting(
            "trusted_proxies", .list,
            "Networks of the proxies whose X-Forwarded-For is believed: 10.0.0.0/8, 2001:db8::/32. The client is the nearest address that is none of them."),
        Setting("request_head_timeout_s", .number(1...600), standard: "10", hasFlag: false, "Seconds that the head of a request may take."),
        Setting(
            "request_body_timeout_s", .number(1...3600), standard: "60", hasFlag: false,
            "Seconds that a request's body may take; it is also cut off when it comes more slowly than 1 KiB a second."),
        Setting(
            "cors.origins", .list,
            "Origins whose pages may call the API: https://shop.example. Or * for all; credentials of the browser's own are never accepted."),
        Setting("compression", .truth, standard: "true", "Whether answers of more than 1 KiB are compressed for clients who accept it."),
        Setting(
            "access_log", .choice(AccessLogMode.allCases.map(\.rawValue)), standard: "off",
            "Which requests are recorded in the log: none, all, or those that were answered with an error."),
        Setting("tls.certificate", .text, "PEM file of the certificate and its chain: the entry then speaks TLS, with HTTP/2 and HTTP/1.1."),
        Setting("tls.key", .text, "PEM file of the certificate's private key. Both files are read again when they change."),
    ]
}
