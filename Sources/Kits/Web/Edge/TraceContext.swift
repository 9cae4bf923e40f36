import HTTPTypes
import Wire

/// The place of a request in a distributed trace, as the header `traceparent` says it (W3C Trace Context, 3.2).
public enum TraceContext {
    private static let length = 55

    /// Whether a text is a place in a trace. A version that is not known may have more after the parts that are.
    public static func isValid(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= length, bytes.count <= 512, bytes[2] == dash, bytes[35] == dash, bytes[52] == dash else { return false }
        let (version, trace, parent, flags) = (bytes[0..<2], bytes[3..<35], bytes[36..<52], bytes[53..<55])
        for part in [version, trace, parent, flags] where !part.allSatisfy(isHex) { return false }
        if version.elementsEqual("ff".utf8) || trace.allSatisfy({ $0 == zero }) || parent.allSatisfy({ $0 == zero }) { return false }
        return version.elementsEqual("00".utf8) ? bytes.count == length : bytes.count == length || bytes[length] == dash
    }

    /// A new trace for a request that belongs to none: it has the request's identity, so that logs and traces are found by the same number. Nobody records it yet.
    public static func began(by id: Identifier) -> String {
        "00-\(id.digits)-\(Identifier(high: 0, low: id.low ^ id.high).digits.suffix(16))-00"
    }

    /// The place that a request says it has; nil where it says none, or what is none. Who gives two gives none.
    public static func given(_ headers: HTTPFields) -> String? {
        let values = headers[values: .traceParent]
        guard values.count == 1, isValid(values[0]) else { return nil }
        return values[0]
    }

    private static let dash = UInt8(ascii: "-")
    private static let zero = UInt8(ascii: "0")
    /// Lower case only (3.2.2).
    private static func isHex(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...102).contains(byte) }
}
