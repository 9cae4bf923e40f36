import Testing

@testable import Gateway

@Suite("The date of answers")
struct HTTPDateTests {
    @Test("a moment has the form that RFC 9110 asks for")
    func form() {
        #expect(HTTPDate.format(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.format(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
        #expect(HTTPDate.format(1_709_164_800) == "Thu, 29 Feb 2024 00:00:00 GMT")
        let date = HTTPDate()
        #expect(date.text(at: 784_111_777) == date.text(at: 784_111_777))
        #expect(date.text(at: 784_111_778) == "Sun, 06 Nov 1994 08:49:38 GMT")
    }
}
