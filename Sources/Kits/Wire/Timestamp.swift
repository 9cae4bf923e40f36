/// A moment in UTC, in whole milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Milliseconds since the epoch.
    public let milliseconds: Int64

    /// The moment this many milliseconds after the epoch.
    @inlinable
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    @inlinable
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

    /// The moment a number of milliseconds later (earlier if negative).
    public func advanced(byMilliseconds delta: Int64) -> Timestamp { Timestamp(milliseconds: milliseconds &+ delta) }

    /// RFC 3339 text with milliseconds: `2026-11-21T13:05:09.250Z`.
    public var description: String { text { String(decoding: $0, as: UTF8.self) } }

    /// The calendar day, `2026-11-21`.
    public var day: String { text { String(decoding: $0.prefix(10), as: UTF8.self) } }

    /// The calendar month, `2026-11`.
    public var month: String { text { String(decoding: $0.prefix(7), as: UTF8.self) } }

    /// The hour the moment lies in, `2026-11-21T13:00Z`.
    public var hour: String { text { String(decoding: $0.prefix(13), as: UTF8.self) + ":00Z" } }

    /// Parses RFC 3339 text with `Z` or a numeric offset, years 1 to 9999; nil for anything else.
    public init?(_ text: String) {
        var text = text
        guard let milliseconds = text.withUTF8({ Timestamp.parse($0) }) else { return nil }
        self.milliseconds = milliseconds
    }

    /// Hands over the text, which needs no memory of its own.
    func text<T>(_ body: (UnsafeBufferPointer<UInt8>) -> T) -> T {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 24) { buffer in
            write(to: buffer)
            return body(UnsafeBufferPointer(buffer))
        }
    }

    private func write(to out: UnsafeMutableBufferPointer<UInt8>) {
        var (days, rest) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        if rest < 0 {
            rest += 86_400_000
            days -= 1
        }
        let (year, month, day) = Timestamp.civil(fromDays: days)
        func put(_ value: Int64, _ position: Int, _ width: Int) {
            var value = value
            var place = position + width
            while place > position {
                place -= 1
                out[place] = UInt8(truncatingIfNeeded: 48 + value % 10)
                value /= 10
            }
        }
        put(min(max(year, 0), 9999), 0, 4)
        put(month, 5, 2)
        put(day, 8, 2)
        put(rest / 3_600_000, 11, 2)
        put(rest / 60_000 % 60, 14, 2)
        put(rest / 1000 % 60, 17, 2)
        put(rest % 1000, 20, 3)
        (out[4], out[7], out[10], out[13], out[16], out[19], out[23]) = (45, 45, 84, 58, 58, 46, 90)
    }

    private static func parse(_ text: UnsafeBufferPointer<UInt8>) -> Int64? {
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= text.count else { return nil }
            var value: Int64 = 0
            for index in range {
                guard (48...57).contains(text[index]) else { return nil }
                value = value * 10 + Int64(text[index] - 48)
            }
            return value
        }
        guard text.count >= 20, text[4] == 45, text[7] == 45, text[10] == 84 || text[10] == 116 || text[10] == 32, text[13] == 58, text[16] == 58,
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            year >= 1, (1...12).contains(month), (1...daysIn(month: month, year: year)).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        var position = 19
        var fraction: Int64 = 0
        if text[position] == 46 {
            position += 1
            var scale: Int64 = 100
            let start = position
            while position < text.count, (48...57).contains(text[position]) {
                fraction += Int64(text[position] - 48) * scale
                scale /= 10
                position += 1
            }
            guard position > start, position - start <= 9 else { return nil }
        }
        guard position < text.count else { return nil }
        var offset: Int64 = 0
        switch text[position] {
        case 90, 122:
            guard position + 1 == text.count else { return nil }
        case 43, 45:
            guard text.count == position + 6, text[position + 3] == 58, let hours = number(position + 1..<position + 3),
                let minutes = number(position + 4..<position + 6), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (text[position] == 43 ? 1 : -1)
        default: return nil
        }
        let days = days(fromYear: year, month: month, day: day)
        return ((days * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1000 + fraction
    }

    private static func daysIn(month: Int64, year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Days since the epoch of a date of the proleptic Gregorian calendar, counted in 400-year eras that begin in March.
    private static func days(fromYear year: Int64, month: Int64, day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let m = (5 * dayOfYear + 2) / 153
        let month = m < 10 ? m + 3 : m - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * m + 2) / 5 + 1)
    }
}
