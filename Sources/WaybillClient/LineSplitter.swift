/// Cuts a byte stream into lines, whose ends are LF, CRLF or CR, across any boundary of the pieces.
struct LineSplitter {
    /// The longest line, 1 MiB: a stream without line ends must not fill the memory.
    static let maximumLineBytes = 1 << 20

    private var rest: [UInt8] = []
    /// The last byte was a CR, so a LF that follows belongs to it.
    private var endsWithCarriageReturn = false

    init() {}

    /// Appends the complete lines to `lines`. Bytes that are not UTF-8 become U+FFFD. False if a line is too long.
    mutating func split(_ bytes: some Collection<UInt8>, into lines: inout [String]) -> Bool {
        var piece = bytes[...]
        if endsWithCarriageReturn, piece.first == UInt8(ascii: "\n") { piece = piece.dropFirst() }
        if !bytes.isEmpty { endsWithCarriageReturn = false }
        while let end = piece.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            rest.append(contentsOf: piece[..<end])
            guard rest.count <= Self.maximumLineBytes else { return false }
            lines.append(String(decoding: rest, as: UTF8.self))
            rest.removeAll(keepingCapacity: true)
            let isCarriageReturn = piece[end] == UInt8(ascii: "\r")
            piece = piece[piece.index(after: end)...]
            if isCarriageReturn {
                endsWithCarriageReturn = piece.isEmpty
                if piece.first == UInt8(ascii: "\n") { piece = piece.dropFirst() }
            }
        }
        rest.append(contentsOf: piece)
        return rest.count <= Self.maximumLineBytes
    }

    /// What stood after the last line end, or nil if nothing did.
    mutating func finish() -> String? {
        defer { rest = [] }
        return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
    }
}
