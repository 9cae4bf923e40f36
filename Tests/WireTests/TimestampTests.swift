import Testing
import Wire

@Suite("Timestamp")
struct TimestampTests {
    @Test(
        "RFC 3339 is read to the millisecond",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("1969-12-31T23:59:59.999Z", -1), ("2026-11-21T13:05:09.250Z", 1_795_266_309_250),
            ("2026-11-21t13:05:09.25z", 1_795_266_309_250), ("2026-11-21 13:05:09.2500009Z", 1_795_266_309_250),
            ("2026-11-21T14:35:09.250+01:30", 1_795_266_309_250),
            ("2026-11-21T05:05:09.250-08:00", 1_795_266_309_250), ("2000-02-29T00:00:00Z", 951_782_400_000), ("2024-02-29T23:59:59Z", 1_709_251_199_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000), ("9999-12-31T23:59:59.999Z", 253_402_300_799_999), ("2010-12-01T08:26:00-00:00", 1_291_191_960_000),
        ])
    func reads(text: String, milliseconds: Int64) { #expect(Timestamp(text)?.milliseconds == milliseconds) }

    @Test(
        "anything else is refused",
        arguments: [
            "", "2026-11-21", "2026-11-21T13:05:09", "2026-11-21T13:05Z", "2026-11-21T24:00:00Z", "2026-11-21T13:60:00Z", "2026-11-21T13:05:60Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z", "2026-11-00T00:00:00Z", "2026-11-31T00:00:00Z", "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-11-21T13:05:09.Z", "2026-11-21T13:05:09.1234567890Z", "2026-11-21T13:05:09,5Z", "2026-11-21T13:05:09+0100", "2026-11-21T13:05:09+24:00",
            "2026-11-21T13:05:09+01:60",
            "2026-11-21T13:05:09+01", "2026-11-21T13:05:09Zx", "2026-11-21T13:05:09Z ", " 2026-11-21T13:05:09Z", "+026-11-21T13:05:09Z",
            "20260-11-21T13:05:09Z", "2026/11/21T13:05:09Z",
            "2026-11-21T1 :05:09Z", "2026-11-21T13:05:09.250+01:3", "\u{0662}026-11-21T13:05:09Z",
        ])
    func refuses(text: String) { #expect(Timestamp(text) == nil) }

    @Test("what is written is read as the same moment")
    func roundTrip() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let time = Timestamp(milliseconds: Int64.random(in: -62_135_596_800_000...253_402_300_799_999, using: &random))
            #expect(Timestamp(time.description) == time, "\(time)")
        }
        for milliseconds in [Int64.min, .max, 0] { #expect(Timestamp(milliseconds: milliseconds).description.utf8.count == 24, "no moment makes it trap") }
    }

    @Test("every day of four centuries follows the one before")
    func calendar() throws {
        var (year, month, day) = (1999, 12, 31)
        func text(_ number: Int, _ width: Int) -> String { String(repeating: "0", count: width - String(number).count) + String(number) }
        var time = try #require(Timestamp("1999-12-31T12:00:00Z"))
        for _ in 0..<146_097 {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            day += 1
            if day > days { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
            time = time.advanced(byMilliseconds: 86_400_000)
            guard time.day == "\(text(year, 4))-\(text(month, 2))-\(text(day, 2))" else {
                Issue.record("\(time) is not \(year)-\(month)-\(day)")
                return
            }
        }
        #expect(time.month == "2399-12")
    }

    @Test("its day, month and hour are those of UTC")
    func parts() {
        let time = Timestamp(milliseconds: 1_795_266_309_250)
        #expect(time.description == "2026-11-21T13:05:09.250Z")
        #expect(time.day == "2026-11-21")
        #expect(time.month == "2026-11")
        #expect(time.hour == "2026-11-21T13:00Z")
        #expect(time.advanced(byMilliseconds: -250) < time)
        #expect(time.advanced(byMilliseconds: 1) > time)
        #expect(Timestamp(milliseconds: -1).day == "1969-12-31")
    }
}
