import Testing

@testable import WaybillClient

@Suite("Base URLs")
struct BaseURLTests {
    @Test("A base URL is taken apart, or refused with a reason")
    func baseURL() throws {
        let full = try BaseURL("HTTP://[::1]:8080/api/")
        #expect(full.host == "::1" && full.port == 8080 && full.authority == "[::1]:8080" && full.pathPrefix == "/api")
        let short = try BaseURL("http://example.test")
        #expect(short.host == "example.test" && short.port == 80 && short.authority == "example.test" && short.pathPrefix.isEmpty)
        let secure = try BaseURL("https://example.test/api")
        #expect(secure.isEncrypted && !full.isEncrypted && secure.port == 443 && secure.authority == "example.test" && secure.pathPrefix == "/api")
        let other = try BaseURL("HTTPS://example.test:80")
        #expect(other.isEncrypted && other.port == 80 && other.authority == "example.test:80")
        for text in [
            "", "example.test", "ftp://x", "https://", "http://", "http://:80", "http://x:0", "http://x:y", "http://u@x", "http://x?y", "http://::1",
            "http://[::1",
            "http://x y",
        ] {
            #expect { try BaseURL(text) } throws: { if case ClientError.invalidURL = $0 { true } else { false } }
        }
        #expect(
            "\(ClientError.invalidURL("ftp://x", reason: "it must begin with http://"))" == "The URL \"ftp://x\" cannot be used: it must begin with http://.")
    }
}
