/// What happened in a run, as a hash over all steps and, where asked for, as lines that people read.
struct Trace {
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    private(set) var lines: [String] = []
    private(set) var count = 0
    let isRecording: Bool

    init(isRecording: Bool) { self.isRecording = isRecording }

    /// Notes a step at a virtual time in milliseconds.
    mutating func note(_ time: Int64, _ text: String) {
        count += 1
        var hash = self.hash
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        self.hash = (hash ^ UInt64(bitPattern: time)) &* 0x100_0000_01b3
        guard isRecording else { return }
        let millis = String(1000 + time % 1000).dropFirst()
        lines.append("\(time / 1000).\(millis)s  \(text)")
    }
}
