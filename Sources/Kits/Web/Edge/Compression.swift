import CZlib
import HTTPTypes

/// How a body is compressed for its way.
public enum ContentCoding: String, Sendable {
    case gzip
    /// The format of zlib (RFC 1950), which is what HTTP means by this name (RFC 9110, 8.4.1.2).
    case deflate

    /// The coding that a client likes best of those that there are; nil where it wants none (RFC 9110, 12.5.3).
    public static func accepted(_ headers: HTTPFields) -> ContentCoding? {
        let values = headers[values: .acceptEncoding]
        guard !values.isEmpty else { return nil }
        var weights: [Substring: Double] = [:]
        for item in values.joined(separator: ",").prefix(512).lowercased().split(separator: ",") {
            let parts = item.split(separator: ";")
            guard let name = parts.first?.trimmed, !name.isEmpty else { continue }
            let quality = parts.dropFirst().map(\.trimmed).first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 }
            weights[Substring(name)] = quality ?? 1
        }
        let rest = weights["*"] ?? 0
        let gzip = max(weights["gzip"] ?? rest, weights["x-gzip"] ?? 0)
        let deflate = weights["deflate"] ?? rest
        if gzip <= 0, deflate <= 0 { return nil }
        return gzip >= deflate ? .gzip : .deflate
    }

    /// The bytes in this coding; nil where it makes them no smaller, or zlib has no memory.
    ///
    /// The fastest level: of JSON it takes three quarters away, and the others take a tenth more at several times the cost.
    public func encode(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count <= UInt32.max / 2 else { return nil }
        var stream = z_stream()
        // A window larger than the body costs memory that has to be cleared first, and finds nothing more.
        let isSmall = bytes.count <= 8192
        let window: Int32 = (isSmall ? 13 : 15) + (self == .gzip ? 16 : 0)
        guard
            deflateInit2_(
                &stream, 1, Z_DEFLATED, window, isSmall ? 6 : 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        var input = bytes
        let limit = bytes.count
        let output = [UInt8](unsafeUninitializedCapacity: limit) { room, count in
            input.withUnsafeMutableBufferPointer { source in
                (stream.next_in, stream.avail_in) = (source.baseAddress, UInt32(source.count))
                (stream.next_out, stream.avail_out) = (room.baseAddress, UInt32(limit))
                count = CZlib.deflate(&stream, Z_FINISH) == Z_STREAM_END ? limit - Int(stream.avail_out) : 0
            }
        }
        return output.isEmpty ? nil : output
    }
}

extension WebResponse {
    /// Smaller answers cost more to compress than to send.
    static let leastCompressed = 1024
    /// Larger ones would keep a thread for too long.
    static let mostCompressed = 4 << 20

    /// Compresses the body, where it is a text that gains by it and nobody has done so yet. What depends on the client's wish says so to caches.
    public mutating func compress(for request: HTTPFields) {
        guard case .bytes(let bytes) = body, (WebResponse.leastCompressed...WebResponse.mostCompressed).contains(bytes.count), status == .ok,
            headers[.contentEncoding] == nil, isText, !hasStrongTag
        else { return }
        headers.append(HTTPField(name: .vary, value: "Accept-Encoding"))
        guard let coding = ContentCoding.accepted(request), let smaller = coding.encode(bytes) else { return }
        headers[.contentEncoding] = coding.rawValue
        body = .bytes(smaller)
    }

    private var isText: Bool {
        guard let type = headers[.contentType]?.split(separator: ";").first?.trimmed.lowercased() else { return false }
        return type.hasPrefix("text/") && type != "text/event-stream" || type == "application/json" || type.hasSuffix("+json")
            || type == "application/javascript" || type == "image/svg+xml" || type == "application/yaml"
    }

    /// A strong tag is of these bytes and no others (RFC 9110, 8.8.1).
    private var hasStrongTag: Bool { headers[.eTag].map { !$0.hasPrefix("W/") } ?? false }
}
