import ArgumentParser

/// A time span as people write it: `90s`, `30m`, `1h`, `7d`; a number alone means seconds.
struct DurationArgument: ExpressibleByArgument, Equatable {
    let seconds: Int64
    var duration: Duration { .seconds(seconds) }

    var defaultValueDescription: String { seconds % 3600 == 0 ? "\(seconds / 3600)h" : "\(seconds)s" }

    init(seconds: Int64) { self.seconds = seconds }

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = argument.last.flatMap { units[$0] }
        let digits = unit == nil ? argument[...] : argument.dropLast()
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let count = Int64(digits), count > 0 else { return nil }
        let (seconds, isTooMuch) = count.multipliedReportingOverflow(by: unit ?? 1)
        guard !isTooMuch, seconds <= 3_650 * 86_400 else { return nil }
        self.seconds = seconds
    }
}
