import Glibc

/// Finds where a request's head ends while its bytes arrive, and refuses at once what cannot become one.
struct HeadScanner {
    /// Where the line begins whose end has not come.
    private var lineStart = 0
    /// Bytes that have been looked at.
    private var position = 0
    private var lines = 0
    /// The end of the first line, until it has been looked at.
    private var firstEnd: Int?

    /// Looks at what is new.
    /// - Parameter bytes: all bytes since the head's beginning.
    /// - Returns: the length of the head with its empty line; nil while it is not there.
    /// - Throws: ``MessageFault`` for a line that ends with LF alone, for more than may come, and for a first line that is no request line.
    mutating func end(in bytes: UnsafeBufferPointer<UInt8>) throws(MessageFault) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        if lines == 0, let first = bytes.first, !RequestHead.isUppercase(first) { throw .requestLine }
        let limit = min(bytes.count, RequestHead.longest)
        while position < limit, let found = memchr(base + position, 10, limit - position) {
            let feed = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            guard feed > lineStart, base[feed - 1] == 13 else { throw .lineEnd }
            if lines == 0 { firstEnd = feed - 1 }
            try checkLine(ending: feed)
            (position, lines) = (feed + 1, lines + 1)
            if feed - 1 == lineStart { return position }
            lineStart = position
        }
        position = limit
        // Who has to go on waiting for the end of the head does not wait for one that cannot come; else the first line is read with all the others.
        if let end = firstEnd {
            _ = try RequestHead.Line(UnsafeBufferPointer(rebasing: bytes[..<end]))
            firstEnd = nil
        }
        try checkLine(ending: limit)
        if bytes.count >= RequestHead.longest { throw .headersTooLarge }
        return nil
    }

    private func checkLine(ending end: Int) throws(MessageFault) {
        if end - lineStart > RequestHead.longestLine { throw lines == 0 ? .targetTooLong : .headersTooLarge }
        // The request line and the empty one are none.
        if lines > RequestHead.mostFields + 1 { throw .headersTooLarge }
    }
}
