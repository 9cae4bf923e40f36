import Synchronization
import Testing

@testable import waybill

@Suite("Terminal output")
struct TerminalTests {
    @Test("A table aligns text to the left and numbers to the right")
    func table() {
        var table = Table(["Country", "Orders", "Revenue"])
        table.add(["United Kingdom", "11,808", "5260140.24"])
        table.add(["Eire", "9", "-"])
        table.add(["Two\nlines"])
        #expect(
            table.render() == """
                Country         Orders     Revenue
                United Kingdom  11,808  5260140.24
                Eire                 9           -
                Two lines

                """)
    }

    @Test("A table fits the terminal by cutting its widest text, never a number")
    func narrowTable() {
        var table = Table(["Description", "Units"])
        table.add(["WHITE HANGING HEART T-LIGHT HOLDER", "1234567"])
        #expect(table.render(width: 25).contains("WHITE HANGING H…  1234567\n"))
        #expect(table.render(width: 5).contains("WHITE H…  1234567\n"))
    }

    @Test("Colours do not disturb the columns")
    func colours() {
        let style = Style(isColoured: true)
        var table = Table(["State", "Orders"])
        table.add([style(.bad, "FAILED"), "1"])
        table.add(["PAID", "20"])
        #expect(table.render() == "State   Orders\n\u{1B}[31mFAILED\u{1B}[0m       1\nPAID        20\n")
        #expect(Style.plain(.bad, "x") == "x")
        #expect(Table(["A", "B"]).render(style: style) == "\u{1B}[1mA\u{1B}[0m  \u{1B}[1mB\u{1B}[0m\n")
    }

    /// A progress bar on a clock that the test moves, and what it wrote.
    private final class Screen: Sendable {
        let time = Mutex(ContinuousClock.now)
        let written = Mutex<[String]>([])

        func bar(_ mode: ProgressBar.Mode, total: Int?) -> ProgressBar {
            ProgressBar(
                "placing", unit: "orders", total: total, mode: mode, now: { self.time.withLock { $0 } },
                write: { text in self.written.withLock { $0.append(text) } })
        }
        func pass(_ duration: Duration) { time.withLock { $0 += duration } }
        var texts: [String] { written.withLock { $0 } }
    }

    @Test("A bar is drawn at most ten times a second and ends with a line")
    func bar() {
        let screen = Screen()
        let bar = screen.bar(.bar(width: 80), total: 1000)
        for _ in 0..<250 {
            screen.pass(.milliseconds(4))
            bar.advance()
        }
        #expect(screen.texts.count == 10)
        #expect(screen.texts.last?.hasPrefix("\r[") == true)
        #expect(screen.texts.last?.hasSuffix("] placing 250/1,000 orders  25%  250/s  ETA 3.0s") == true)
        bar.advance(by: 750)
        bar.finish()
        bar.finish()
        #expect(screen.texts.count == 11)
        #expect(screen.texts.last?.contains("placing 1,000/1,000 orders  100%  1,000/s  in 1.0s") == true)
        #expect(screen.texts.last?.hasSuffix("\n") == true)
        #expect(screen.texts.allSatisfy { $0.count <= 82 })
    }

    @Test("Without a terminal there is a line every ten seconds, and nothing when silent")
    func lines() {
        let (screen, silent) = (Screen(), Screen())
        let (bar, quiet) = (screen.bar(.lines, total: nil), silent.bar(.silent, total: 10))
        for _ in 0..<25 {
            screen.pass(.seconds(1))
            bar.advance(by: 2)
            silent.pass(.seconds(1))
            quiet.advance()
        }
        bar.finish()
        quiet.finish()
        #expect(screen.texts == ["placing 20 orders  2/s\n", "placing 40 orders  2/s\n", "placing 50 orders  2/s  in 25s\n"])
        #expect(silent.texts.isEmpty)
    }

    @Test("Durations are short and readable")
    func clock() {
        #expect([0, 9.94, 9.96, 59, 185, 7620, 1e9].map(ProgressLine.clock) == ["0.0s", "9.9s", "10.0s", "59s", "3m05s", "2h07m", "99h59m"])
        #expect([0, 999, 1000, -1_234_567].map(ProgressLine.grouped) == ["0", "999", "1,000", "-1,234,567"])
    }
}
