/// A page in the Prometheus text exposition format 0.0.4.
struct PrometheusText {
    private(set) var text = ""

    /// Begins the lines of one metric.
    mutating func begin(family name: String, kind: MetricKind, help: String) {
        text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Appends one sample; `labels` are rendered already.
    mutating func append(sample name: String, labels: String, value: Double) {
        text += name
        if !labels.isEmpty { text += "{\(labels)}" }
        text += " \(Self.number(value))\n"
    }

    /// The shortest text that reads back as the same number, whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
        return value.description
    }

    /// A backslash, a line end and (in label values) a quote would end the text; a carriage return ends a line for some readers.
    static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += #"\\"#
            case "\n": result += #"\n"#
            case "\r": result += " "
            case "\"" where quotes: result += #"\""#
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

/// Names as Prometheus allows and its users expect them.
enum MetricName {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; everything else becomes an underscore.
    static func sanitized(_ name: String) -> String { sanitized(name, colons: true) }

    /// A counter's name ends in `_total`.
    static func counter(_ label: String) -> String { suffixed(sanitized(label), "_total") }

    /// A timer's name ends in its unit, `_seconds`.
    static func timer(_ label: String) -> String { suffixed(sanitized(label), "_seconds") }

    /// The name in words, for HELP lines nobody has written.
    static func words(_ name: String) -> String { String(name.map { $0 == "_" ? " " : $0 }) }

    /// The labels as they stand between the braces, sorted, so that the order of dimensions makes no second series. Of labels that occur
    /// twice the last counts.
    static func labels(_ dimensions: [(String, String)], reserved: String? = nil) -> String {
        guard !dimensions.isEmpty else { return "" }
        var values: [String: String] = [:]
        for (name, value) in dimensions {
            var name = sanitized(name, colons: false)
            // Names that begin with two underscores belong to Prometheus itself.
            while name.hasPrefix("__") { name.removeFirst() }
            values[name == reserved ? "exported_\(name)" : name] = value
        }
        return values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(PrometheusText.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
    }

    /// As `labels`, for histograms, whose buckets have a label `le` of their own.
    static func histogramLabels(_ dimensions: [(String, String)]) -> String { labels(dimensions, reserved: "le") }

    private static func suffixed(_ name: String, _ suffix: String) -> String { name.hasSuffix(suffix) ? name : name + suffix }

    private static func sanitized(_ name: String, colons: Bool) -> String {
        var result = ""
        result.reserveCapacity(name.utf8.count)
        for scalar in name.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_": result.unicodeScalars.append(scalar)
            case ":" where colons: result.unicodeScalars.append(scalar)
            default: result += "_"
            }
        }
        guard let first = result.utf8.first else { return "_" }
        return (0x30...0x39).contains(first) ? "_" + result : result
    }
}
