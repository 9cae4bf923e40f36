import Foundation
import Testing

/// Introduces itself as Redis would, and then answers everything with the same bytes; with "close" it hangs up instead.
final class NonsenseServer: @unchecked Sendable {
    let port: Int
    private let listener: Int32
    private let answer: String

    init(_ answer: String) throws {
        self.answer = answer
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = listener
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
        try #require(isListening)
        Thread { self.accept() }.start()
    }

    /// Ends the listening; connections end with their clients.
    func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept() {
        while true {
            let connection = Foundation.accept(listener, nil, nil)
            guard connection >= 0 else { break }
            Thread { self.serve(connection) }.start()
        }
        close(listener)
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else { return }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            let reply = introduction(text)
            if reply.isEmpty, answer == "close" { return }
            let bytes = Array((reply.isEmpty ? answer : reply).utf8)
            guard send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { return }
        }
    }

    /// The answers to what a client says while it connects; each comes in one piece, for they are small.
    private func introduction(_ text: String) -> String {
        let scripts = text.components(separatedBy: "\r\nSCRIPT\r\n").count - 1
        if scripts > 0 { return String(repeating: "$4\r\nsha1\r\n", count: scripts) }
        if text.contains("SETNAME") { return "+OK\r\n" }
        if text.contains("PING") { return "+PONG\r\n" }
        return ""
    }
}
