import Testing

@testable import Wire

@Suite("JSON differences")
struct JSONDifferenceTests {
    private func differences(_ before: String, _ after: String) throws -> [String] {
        let all = JSONDifference.between(try JSONParser.parse(Array(before.utf8)), try JSONParser.parse(Array(after.utf8)))
        return all.map { difference in
            var json = JSONWriter()
            difference.write(to: &json)
            return String(decoding: json.bytes, as: UTF8.self)
        }
    }

    @Test("what is the same has none, in whatever order its members stand")
    func same() throws {
        #expect(try differences(#"{"a":1,"b":[true,null,"x"]}"#, #"{"b":[true,null,"x"],"a":1}"#).isEmpty)
    }

    @Test("every place that differs is named, with what was there and what is there now")
    func different() throws {
        #expect(
            try differences(#"{"a":1,"b":{"c/d":[1,2],"e~":"x"},"gone":null}"#, #"{"a":"1","b":{"c/d":[1,3,4],"e~":"y"},"new":{"z":0}}"#) == [
                #"{"pointer":"/a","before":1,"after":"1"}"#, #"{"pointer":"/b/c~1d/1","before":2,"after":3}"#, #"{"pointer":"/b/c~1d/2","after":4}"#,
                #"{"pointer":"/b/e~0","before":"x","after":"y"}"#, #"{"pointer":"/gone","before":null}"#, #"{"pointer":"/new","after":{"z":0}}"#,
            ])
        #expect(try differences("1", "[]") == [#"{"pointer":"","before":1,"after":[]}"#])
    }
}
