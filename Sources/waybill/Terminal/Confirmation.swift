#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Asks before something that cannot be taken back.
enum Confirmation {
    /// Nobody is there to be asked, or the answer was no.
    enum Refusal: Error, CustomStringConvertible {
        case nobodyThere
        case declined

        var description: String {
            switch self {
            case .nobodyThere: "Nobody can be asked here; say --yes to go on."
            case .declined: "Nothing was done."
            }
        }
    }

    /// Goes on only after a yes from a person at the terminal.
    static func ask(_ question: String, isPersonThere: Bool = isatty(STDIN_FILENO) == 1, answer: () -> String? = { readLine() }) throws(Refusal) {
        guard isPersonThere else { throw .nobodyThere }
        TerminalStream.error.write("\(question) [y/N] ")
        guard let answer = answer(), ["y", "yes"].contains(answer.lowercased()) else { throw .declined }
    }
}
