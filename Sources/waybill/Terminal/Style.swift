#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A stream that text for people goes to.
enum TerminalStream: Sendable {
    case output
    case error

    private var descriptor: Int32 { self == .output ? STDOUT_FILENO : STDERR_FILENO }

    /// Whether a person looks at it, rather than a file or another program.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// The terminal's width in columns: what the terminal says, else `COLUMNS`, else nil (a file has no width).
    var width: Int? {
        var size = winsize()
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        guard isTerminal, let columns = getenv("COLUMNS") else { return nil }
        return Int(String(cString: columns)).flatMap { $0 > 0 ? $0 : nil }
    }

    /// Writes all bytes at once and unbuffered, so that lines of several threads do not mix. Errors (a closed pipe) are ignored: what is
    /// shown here is for people, not data.
    func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { platformWrite(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// The system call under its own name, which `TerminalStream.write` hides inside that type.
private func platformWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(descriptor, bytes, count) }

/// Colours and weights as ANSI sequences (ECMA-48), or as nothing where they would be noise.
struct Style: Sendable {
    /// What a piece of text means.
    enum Role: Int, Sendable {
        case heading = 1
        case faint = 2
        case bad = 31
        case good = 32
        case warning = 33
    }

    /// Whether sequences are written.
    let isColoured: Bool

    /// Never colours.
    static let plain = Style(isColoured: false)

    /// Colours only for a terminal, and not where `NO_COLOR` (https://no-color.org) is set to anything.
    static func suited(to stream: TerminalStream) -> Style {
        let refuses = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        return Style(isColoured: stream.isTerminal && !refuses)
    }

    /// The text in its role's colour.
    func callAsFunction(_ role: Role, _ text: String) -> String {
        isColoured ? "\u{1B}[\(role.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// The columns that a text takes, without colour sequences; every character counts as one.
    static func visibleWidth(_ text: String) -> Int {
        guard text.unicodeScalars.contains("\u{1B}") else { return text.count }
        var width = 0
        var isInSequence = false
        for character in text {
            if character == "\u{1B}" {
                isInSequence = true
            } else if isInSequence {
                if character == "m" { isInSequence = false }
            } else {
                width += 1
            }
        }
        return width
    }
}
