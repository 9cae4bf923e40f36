import NIOCore

/// What of a head decides on the form of a refusal, as far as it can be seen: the head may have no end, or be malformed. Nothing else hangs on it, and a page that
/// lies about its origin is believed by no browser.
struct HeadGlance: Equatable {
    /// The origin of the page that sent the request; nil where none did, or more than one is named.
    private(set) var origin: String?
    /// Whether the answer must have no content.
    private(set) var isHead = false

    /// Nothing was seen.
    init() {}

    /// - Parameter seeksOrigin: whether anything depends on the origin; else all lines need not be looked at.
    init(_ bytes: UnsafeBufferPointer<UInt8>, seeksOrigin: Bool = true) {
        isHead = bytes.starts(with: HeadGlance.head)
        guard seeksOrigin else { return }
        var found: [String] = []
        for line in bytes.prefix(RequestHead.longest).split(separator: 10, omittingEmptySubsequences: false).dropFirst() {
            if line.isEmpty || line.elementsEqual([13]) { break }
            if let value = HeadGlance.origin(line) { found.append(value) }
        }
        origin = found.count == 1 ? found[0] : nil
    }

    init(_ buffer: ByteBuffer, seeksOrigin: Bool = true) {
        self = buffer.withUnsafeReadableBytes { HeadGlance($0.bindMemory(to: UInt8.self), seeksOrigin: seeksOrigin) }
    }

    private static let head = Array("HEAD ".utf8)
    private static let name = Array("origin:".utf8)

    private static func origin(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> String? {
        guard line.count > name.count, zip(line, name).allSatisfy({ $0 | 32 == $1 }) else { return nil }
        return String(decoding: line.dropFirst(name.count).filter { $0 > 32 }, as: UTF8.self)
    }
}
