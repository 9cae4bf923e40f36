#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads a line that must not be seen on the terminal.
enum HiddenLine {
    /// The line without its end; nil at the end of the input. Without a terminal nothing is asked.
    static func read(_ question: String) -> String? {
        guard isatty(STDIN_FILENO) == 1 else { return readLine() }
        TerminalStream.error.write(question)
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { return readLine() }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            TerminalStream.error.write("\n")
        }
        return readLine()
    }
}
