import Testing

@testable import WaybillClient

@Suite("Server-sent events")
struct ServerSentEventsTests {
    private func events(_ lines: [String]) -> [ServerSentEvent] {
        var parser = ServerSentEventParser()
        return lines.compactMap { parser.feed($0) }
    }

    @Test("Data lines are joined, and an empty line dispatches")
    func dispatch() {
        #expect(
            events(["event: add", "data: one", "data:two", "data", "id: 7", "", "data: next", "", "data: cut off"]) == [
                ServerSentEvent(id: "7", event: "add", data: "one\ntwo\n"), ServerSentEvent(id: "7", event: "message", data: "next"),
            ])
    }

    @Test("Comments, unknown fields and events without data give nothing")
    func nothing() {
        #expect(
            events([": keep-alive", "", "event: x", "", "colour: red", "", "", "data:  two blanks", ""]) == [
                .init(id: "", event: "message", data: " two blanks")
            ])
        #expect(events(["\u{FEFF}data: x", "\u{FEFF}data: y", ""]) == [.init(id: "", event: "message", data: "x")])
        #expect(events(["data", ""]) == [.init(id: "", event: "message", data: "")])
    }

    @Test("The id lasts until it is changed, an empty one clears it, one with NUL is ignored")
    func ids() {
        #expect(events(["id: 1", "data: a", "", "id: 2\0", "data: b", "", "id", "data: c", ""]).map(\.id) == ["1", "1", ""])
        var parser = ServerSentEventParser()
        #expect(parser.feed("id: 9") == nil && parser.lastEventID.isEmpty)
        #expect(parser.feed("") == nil && parser.lastEventID == "9")
    }

    @Test("The reconnection time is taken if it is a number")
    func retry() {
        var parser = ServerSentEventParser()
        for line in ["retry: 1500", "retry: soon", "retry: -1", "retry:"] { _ = parser.feed(line) }
        #expect(parser.reconnectionTime == .milliseconds(1500))
    }

    @Test("Lines end with LF, CRLF or CR, wherever the pieces are cut", arguments: [1, 2, 3, 100])
    func lines(step: Int) {
        var splitter = LineSplitter()
        var (lines, bytes) = ([String](), Array("a\nb\r\nc\rd\r\r\n\n€\n\nrest".utf8)[...])
        while !bytes.isEmpty {
            #expect(splitter.split(bytes.prefix(step), into: &lines))
            bytes = bytes.dropFirst(step)
        }
        #expect(lines == ["a", "b", "c", "d", "", "", "€", ""])
        #expect(splitter.finish() == "rest")
        #expect(splitter.finish() == nil)
    }

    @Test("A line without an end is refused at its limit")
    func tooLong() {
        var (splitter, lines) = (LineSplitter(), [String]())
        #expect(splitter.split([UInt8](repeating: 0x61, count: LineSplitter.maximumLineBytes), into: &lines))
        #expect(!splitter.split([0x61], into: &lines))
    }

    @Test("Events are read from lines as they come")
    func sequence() async throws {
        let lines = AsyncThrowingStream<String, any Error> { continuation in
            for line in ["data: 1", "", "id: 5", "data: 2", ""] { continuation.yield(line) }
            continuation.finish()
        }
        var data: [String] = []
        for try await event in ServerSentEvents(lines: lines) { data.append(event.id + ":" + event.data) }
        #expect(data == [":1", "5:2"])
    }
}
