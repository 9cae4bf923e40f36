import Wire

/// A short name for one run of a command, so that what it makes does not meet what an earlier run made.
enum RunName {
    static func fresh() -> String {
        let letters = Array("abcdefghjkmnpqrstuvwxyz23456789")
        return String((0..<8).map { _ in letters[Int.random(in: 0..<letters.count)] })
    }
}
