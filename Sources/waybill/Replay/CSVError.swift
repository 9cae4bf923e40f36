/// What is wrong with a CSV file, and on which line of it.
enum CSVError: Error, Equatable, CustomStringConvertible {
    case unclosedQuote(line: Int)
    case quoteInUnquotedField(line: Int)
    case textAfterQuote(line: Int)
    case bareCarriageReturn(line: Int)
    case invalidUTF8(line: Int)
    case recordTooLong(line: Int, limitBytes: Int)

    var description: String {
        switch self {
        case .unclosedQuote(let line): "Line \(line): a quote is opened and never closed."
        case .quoteInUnquotedField(let line): "Line \(line): a quote stands inside a field that does not begin with one."
        case .textAfterQuote(let line): "Line \(line): after a closing quote only a comma or the line's end may follow."
        case .bareCarriageReturn(let line): "Line \(line): a carriage return without a line feed."
        case .invalidUTF8(let line): "Line \(line): the text is not valid UTF-8."
        case .recordTooLong(let line, let limit): "Line \(line): the record is longer than \(limit) bytes; a quote may be open."
        }
    }
}
