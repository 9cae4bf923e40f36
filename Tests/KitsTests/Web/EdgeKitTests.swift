import CZlib
import HTTPTypes
import Testing
import Web
import Wire

@Suite("Parts of the edge")
struct EdgeKitTests {
    @Test("texts of the same address are the same address")
    func addresses() throws {
        for (a, b) in [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:0DB8:0:0:0:0:0:1"), ("::", "0:0:0:0:0:0:0:0")] {
            #expect(IPAddress(a) == IPAddress(b) && IPAddress(a) != nil, "\(a)")
        }
        for text in ["192.0.2.1", "2001:db8::1", "::1", "::"] { #expect(IPAddress(text)?.description == text) }
        for text in ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a", "1.2.3.4:80", "[::1]", "fe80::1%eth0", "1.2.3.4\u{0}", " 1.2.3.4"] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
        #expect(IPAddress("2001:db8:1:2:3:4:5:6")?.network.description == "2001:db8:1:2::" && IPAddress("192.0.2.1")?.network.description == "192.0.2.1")
    }

    @Test("networks hold what has their first bits")
    func ranges() throws {
        let ranges = try AddressRanges(["10.0.0.0/8", "192.0.2.7", "2001:db8::/33", "172.16.0.0/12"])
        for address in try (["10.255.0.1", "192.0.2.7", "2001:db8:7fff::1", "172.31.255.255", "::ffff:10.1.1.1"].map { try #require(IPAddress($0)) }) {
            #expect(ranges.contains(address), "\(address)")
        }
        for address in try (["11.0.0.1", "192.0.2.8", "2001:db8:8000::1", "172.32.0.1", "::a00:1"].map { try #require(IPAddress($0)) }) {
            #expect(!ranges.contains(address), "\(address)")
        }
        let all = try AddressRanges(["0.0.0.0/0"])
        let (four, six) = (try #require(IPAddress("8.8.8.8")), try #require(IPAddress("2001:db8::1")))
        #expect(all.contains(four) && !all.contains(six))
        for text in ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/", "10.0.0.0/8/8", "x/8", "2001:db8::/129"] {
            #expect(throws: NoAddressRange(text: text)) { try AddressRanges([text]) }
        }
    }

    @Test("the client is the right-most address that nobody of ours is")
    func client() throws {
        let client = ClientAddress(trusted: try AddressRanges(["10.0.0.0/8", "2001:db8::/32"]))
        func found(_ headers: [String], from peer: String = "10.0.0.1", isInternal: Bool = false) -> String? {
            var fields = HTTPFields()
            for header in headers { fields.append(HTTPField(name: .forwardedFor, value: header)) }
            return client.address(of: fields, peer: IPAddress(peer), isInternal: isInternal)?.description
        }
        #expect(found(["9.9.9.9, 203.0.113.7, 10.0.0.5"]) == "203.0.113.7")
        #expect(found(["9.9.9.9", "203.0.113.7", "10.0.0.5"]) == "203.0.113.7")
        #expect(found(["203.0.113.7:4711"]) == "203.0.113.7" && found(["[2001:dead::1]:4711, [2001:db8::1]"]) == "2001:dead::1")
        #expect(found([]) == "10.0.0.1" && found(["10.0.0.9"]) == "10.0.0.9")
        #expect(found(["9.9.9.9, unknown, 10.0.0.5"]) == "10.0.0.5" && found(["9.9.9.9,,10.0.0.5"]) == "10.0.0.5" && found(["x"]) == "10.0.0.1")
        #expect(found(["9.9.9.9"], from: "203.0.113.1") == "203.0.113.1" && found(["9.9.9.9"], from: "203.0.113.1", isInternal: true) == "9.9.9.9")
    }

    @Test("only a well-formed place in a trace is passed on")
    func traces() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(
            TraceContext.isValid(good) && TraceContext.isValid("01" + good.dropFirst(2) + "-more")
                && TraceContext.isValid(TraceContext.began(by: Identifier(high: 1, low: 2))))
        for bad in [
            "", "00-ab-cd-01", good + "-more", "ff" + good.dropFirst(2), good.uppercased(), good + " ", "0" + good,
            "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            good.replacing("-", with: "_"),
        ] { #expect(!TraceContext.isValid(bad), "\(bad)") }
        #expect(TraceContext.given([.traceParent: good]) == good && TraceContext.given([.traceParent: "x"]) == nil)
        var twice: HTTPFields = [.traceParent: good]
        twice.append(HTTPField(name: .traceParent, value: good))
        #expect(TraceContext.given(twice) == nil)
    }

    @Test("an origin is a scheme, a host and possibly a port")
    func origins() throws {
        for text in ["shop.example", "https://shop.example/", "https://Shop.example", "null", "ftp://a", "https://", "https://a@b", "*"] {
            #expect(throws: NoOrigin.self) { try CrossOrigin([text, "https://a"]) }
        }
        let none = try CrossOrigin([])
        #expect(none == .none)
    }

    @Test("what was compressed can be read again", arguments: [ContentCoding.gzip, .deflate])
    func codings(coding: ContentCoding) throws {
        for count in [200, 5_000, 300_000] {
            let bytes = Array(String(repeating: "order \(count) ", count: count / 10).utf8)
            let packed = try #require(coding.encode(bytes))
            #expect(packed.count < bytes.count && EdgeKitTests.inflated(packed, limit: bytes.count) == bytes)
        }
        #expect(coding.encode([1, 2, 3]) == nil)
    }

    private static func inflated(_ bytes: [UInt8], limit: Int) -> [UInt8] {
        var (input, output) = (bytes, [UInt8](repeating: 0, count: limit))
        var stream = z_stream()
        guard inflateInit2_(&stream, 47, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return [] }
        defer { inflateEnd(&stream) }
        let result = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { room in
                (stream.next_in, stream.avail_in) = (source.baseAddress, UInt32(source.count))
                (stream.next_out, stream.avail_out) = (room.baseAddress, UInt32(room.count))
                return inflate(&stream, Z_FINISH)
            }
        }
        return result == Z_STREAM_END ? output : []
    }
}
