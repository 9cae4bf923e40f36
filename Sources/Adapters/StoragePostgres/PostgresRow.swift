import CPostgres
import Storage
import Wire

/// A row of a result, in PostgreSQL's binary format.
final class PostgresRow: Row {
    private let result: OpaquePointer
    /// Which row of the result this is at the moment.
    var number: Int32 = 0

    init(_ result: OpaquePointer) { self.result = result }

    func isNull(_ column: Int) -> Bool { PQgetisnull(result, number, Int32(column)) != 0 }
    func integer(_ column: Int) -> Int64 { PostgresRow.integer(result, number, Int32(column)) }

    func text(_ column: Int) -> String {
        let bytes = PostgresRow.bytes(result, number, Int32(column))
        switch PQftype(result, Int32(column)) {
        case ParameterBuffer.TypeID.bool, ParameterBuffer.TypeID.int2, ParameterBuffer.TypeID.int4, ParameterBuffer.TypeID.int8,
            ParameterBuffer.TypeID.numeric:
            return isNull(column) ? "" : String(integer(column))
        case ParameterBuffer.TypeID.uuid: return Identifier(bytes: bytes).map { "\($0)" } ?? ""
        default: return String(decoding: bytes, as: UTF8.self)
        }
    }

    func bytes(_ column: Int) -> [UInt8] { Array(PostgresRow.bytes(result, number, Int32(column))) }

    func id(_ column: Int) -> Identifier { Identifier(bytes: PostgresRow.bytes(result, number, Int32(column))) ?? Identifier(high: 0, low: 0) }

    // MARK: Values

    private static func bytes(_ result: OpaquePointer, _ row: Int32, _ column: Int32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }

    /// The whole number in a column; 0 for NULL, as SQLite has it.
    static func integer(_ result: OpaquePointer, _ row: Int32, _ column: Int32) -> Int64 {
        let bytes = bytes(result, row, column)
        if bytes.isEmpty { return 0 }
        switch PQftype(result, column) {
        case ParameterBuffer.TypeID.numeric: return Numeric.integer(bytes)
        case ParameterBuffer.TypeID.text, ParameterBuffer.TypeID.varchar: return Int64(String(decoding: bytes, as: UTF8.self)) ?? 0
        default: break
        }
        switch bytes.count {
        case 8: return Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
        case 4: return Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: return Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        case 1: return Int64(bytes[0])
        default: return 0
        }
    }

    /// All rows of a result in text format.
    static func texts(_ result: OpaquePointer) -> [[String?]] {
        (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in
                PQgetisnull(result, row, column) != 0 ? nil : String(decoding: bytes(result, row, column), as: UTF8.self)
            }
        }
    }
}

/// PostgreSQL's decimal numbers: what `sum` of 64-bit integers is.
enum Numeric {
    private static let base: Int64 = 10_000

    /// The whole part of a number in binary format (`numeric_send`: count of digits, weight of the first, sign, scale, then digits to the base 10,000). What does
    /// not fit into 64 bits becomes the largest number that does, and what is no number 0.
    static func integer(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        guard bytes.count >= 8 else { return 0 }
        func word(_ index: Int) -> Int64 { Int64(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))) }
        let count = Int(word(0))
        let weight = Int(Int16(truncatingIfNeeded: word(1)))
        let sign = word(2)
        guard sign == 0 || sign == 0x4000, bytes.count >= 8 + 2 * count else { return 0 }
        if count == 0 || weight < 0 { return 0 }
        let limit = sign == 0 ? Int64.max : Int64.min
        if weight > 4 { return limit }
        // Kept negative until the end: there is one more negative number than there are positive ones.
        var value: Int64 = 0
        for position in 0...weight {
            let digit = position < count ? word(4 + position) : 0
            let (shifted, isTooLarge) = value.multipliedReportingOverflow(by: base)
            let (next, overflows) = shifted.subtractingReportingOverflow(digit)
            if isTooLarge || overflows { return limit }
            value = next
        }
        if sign != 0 { return value }
        return value == .min ? .max : -value
    }
}
