import Foundation
import Synchronization

/// The `Date` of answers (RFC 9110, 6.6.1), made once a second.
final class HTTPDate: Sendable {
    private struct Made {
        var second: Int64 = .min
        var text = ""
    }
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private let made = Mutex(Made())

    /// The text for a moment.
    /// - Parameter second: since 1970, in UTC.
    func text(at second: Int64) -> String {
        made.withLock { made in
            if made.second != second { made = Made(second: second, text: HTTPDate.format(second)) }
            return made.text
        }
    }

    /// IMF-fixdate (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func format(_ second: Int64) -> String {
        var time = time_t(second)
        var parts = tm()
        guard gmtime_r(&time, &parts) != nil, weekdays.indices.contains(Int(parts.tm_wday)), months.indices.contains(Int(parts.tm_mon)) else { return "" }
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(weekdays[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900)"
        return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
    }
}
