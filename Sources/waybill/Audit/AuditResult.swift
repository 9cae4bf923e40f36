import Wire

/// What an audit found, as documents: from a running platform or from a folder.
struct AuditResult {
    private(set) var findings: [JSONObject] = []
    private(set) var repairs: [JSONObject] = []
    private(set) var undecided: [String] = []
    private(set) var orders = 0
    private(set) var products = 0

    init() {}

    /// Reads an answer of the API.
    init(_ document: JSONObject) {
        findings = document["findings"]?.array?.compactMap(\.object) ?? []
        repairs = document["repairs"]?.array?.compactMap(\.object) ?? []
        undecided = document["undecided"]?.array?.compactMap(\.string) ?? []
        orders = Int(document["orders"]?.integer ?? 0)
        products = Int(document["products"]?.integer ?? 0)
    }

    /// Takes the next piece in.
    mutating func add(_ piece: AuditResult) {
        findings += piece.findings
        repairs += piece.repairs
        undecided += piece.undecided
        orders += piece.orders
        products += piece.products
    }

    /// The whole as one document.
    var json: [UInt8] {
        JSONWriter.object(capacity: 512 * (findings.count + 1)) { json in
            json.member("clean", findings.isEmpty)
            json.member("orders", orders)
            json.member("products", products)
            json.key("findings")
            json.array(findings) { $0.value(.object($1)) }
            json.key("repairs")
            json.array(repairs) { $0.value(.object($1)) }
            json.key("undecided")
            json.array(undecided) { $0.string($1) }
        }
    }

    /// Prints tables for people.
    func show() {
        let style = Output.style
        var table = Table(["RULE", "SUBJECT", "EVIDENCE", "PROPOSAL"])
        for finding in findings {
            table.add([finding["rule"]?.string ?? "", AuditResult.subject(finding), finding["evidence"]?.string ?? "", finding["proposal"]?.string ?? ""])
        }
        if !table.isEmpty { Output.table(table) }
        for repair in repairs {
            let isDone = repair["done"]?.bool ?? false
            let outcome = isDone ? "\(repair["before"]?.string ?? "") -> \(repair["after"]?.string ?? "")" : "refused: \(repair["refused"]?.string ?? "")"
            Output.line("\(style(isDone ? .good : .bad, isDone ? "repaired" : "not repaired")) \(AuditResult.subject(repair)): \(outcome)")
        }
        let what = "\(ProgressLine.grouped(orders)) orders and \(ProgressLine.grouped(products)) products"
        Output.line(findings.isEmpty ? "\(what): \(style(.good, "nothing is wrong"))." : "\(what): \(style(.bad, "\(findings.count) findings")).")
        if !undecided.isEmpty { Output.note("\(undecided.count) orders kept changing and were not judged; look again when it is quieter.") }
    }

    private static func subject(_ finding: JSONObject) -> String {
        if let order = finding["orderId"]?.string { return "order \(order)" }
        if let product = finding["productId"]?.string { return "product \(product)" }
        return finding["service"]?.string ?? ""
    }
}
