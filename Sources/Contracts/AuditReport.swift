import Wire

/// A promise that the data breaks, or something that needs a person's attention.
public struct AuditFinding: Sendable, Equatable {
    /// What it is about.
    public enum Subject: Sendable, Hashable, CustomStringConvertible {
        case order(OrderID)
        case product(ProductID)
        /// A service's traffic of events, jobs or timers, or its sums.
        case service(String)

        public var description: String {
            switch self {
            case .order(let id): "order \(id)"
            case .product(let id): "product \(id)"
            case .service(let name): name
            }
        }
    }

    /// The rule's id, such as `S5-no-stock-held`.
    public let rule: String
    public let subject: Subject
    /// What the witnesses say, in words.
    public let evidence: String
    /// What would put it right, in words.
    public let proposal: String
    /// The same as something that can be done; nil where a person must decide.
    public let action: RepairAction?

    public init(rule: String, subject: Subject, evidence: String, proposal: String, action: RepairAction?) {
        (self.rule, self.subject, self.evidence, self.proposal, self.action) = (rule, subject, evidence, proposal, action)
    }

    /// The finding as a member of reports and API answers.
    /// - Parameter isRepairable: whether there is an ``action``, for a finding that was written down without it.
    public func write(to json: inout JSONWriter, isRepairable: Bool? = nil) {
        json.member("rule", rule)
        switch subject {
        case .order(let id): json.member("orderId", id)
        case .product(let id): json.member("productId", id)
        case .service(let name): json.member("service", name)
        }
        json.member("evidence", evidence)
        json.member("proposal", proposal)
        json.member("repairable", isRepairable ?? (action != nil))
    }
}

/// What an audit looked at and found.
public struct AuditReport: Sendable {
    /// What was done about a finding.
    public struct Repair: Sendable {
        public let finding: AuditFinding
        public let outcome: RepairOutcome
        public init(finding: AuditFinding, outcome: RepairOutcome) { (self.finding, self.outcome) = (finding, outcome) }
    }

    public var findings: [AuditFinding] = []
    /// Orders and products looked at.
    public var orders = 0
    public var products = 0
    /// Orders that something was on its way for: most rules could not judge them.
    public var moving = 0
    /// Orders that looked wrong and were still changing: not judged.
    public var undecided: [OrderID] = []
    /// Where an audit in pieces goes on; nil at the end.
    public var next: OrderID?
    public var repairs: [Repair] = []

    public init() {}

    /// Takes another piece's results in.
    public mutating func add(_ other: AuditReport) {
        findings += other.findings
        orders += other.orders
        products += other.products
        moving += other.moving
        undecided += other.undecided
        repairs += other.repairs
        next = other.next
    }

    /// The report as the members of a JSON object.
    public func write(to json: inout JSONWriter) {
        json.member("orders", orders)
        json.member("products", products)
        json.member("moving", moving)
        json.key("findings")
        json.array(findings) { json, finding in json.object { finding.write(to: &$0) } }
        json.key("undecided")
        json.array(undecided) { $0.identifier($1) }
        json.key("repairs")
        json.array(repairs) { json, repair in
            json.object { json in
                repair.finding.write(to: &json)
                json.optional("action", repair.finding.action?.name)
                switch repair.outcome {
                case .done(let before, let after):
                    json.member("done", true)
                    json.member("before", before)
                    json.member("after", after)
                case .refused(let why):
                    json.member("done", false)
                    json.member("refused", why)
                }
            }
        }
        json.optional("next", next)
    }
}
