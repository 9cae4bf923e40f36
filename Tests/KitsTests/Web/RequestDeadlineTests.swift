import HTTPTypes
import Testing
import Wire

@testable import Web

@Suite("Deadlines of requests")
struct RequestDeadlineTests {
    private let arrival = ContinuousClock.now

    private func left(_ text: String, isInternal: Bool) throws -> Duration? {
        try RequestDeadline.read([.deadline: text], arrival: arrival, isInternal: isInternal).map { $0 - arrival }
    }

    @Test(
        "a client has a tenth of a second at least and a day at most, unless its time is over; a process of the platform is taken at its word",
        arguments: [
            ("0", 0, 0), ("-5", 0, 0), ("1", 100, 1), ("99", 100, 99), ("100", 100, 100), ("5000", 5_000, 5_000),
            ("9223372036854775807", 86_400_000, 86_400_000),
        ] as [(String, Int, Int)])
    func bounds(text: String, ofClient: Int, ofProcess: Int) throws {
        #expect(try left(text, isInternal: false) == .milliseconds(ofClient))
        #expect(try left(text, isInternal: true) == .milliseconds(ofProcess))
    }

    @Test("without the header there is none, and a request is checked against its own")
    func check() throws {
        #expect(try RequestDeadline.read([:], arrival: arrival, isInternal: false) == nil)
        func request(_ deadline: ContinuousClock.Instant?) -> WebRequest {
            WebRequest(method: .post, path: "/", id: Identifier(high: 0, low: 0), deadline: deadline)
        }
        try request(nil).checkDeadline()
        try request(.now + .seconds(60)).checkDeadline()
        #expect(throws: Problem.self) { try request(.now - .milliseconds(1)).checkDeadline() }
    }
}
