import CPostgres
import Storage

/// The parameters of a statement as libpq wants them, in memory that is used again and again.
///
/// Values go in PostgreSQL's binary format where the server's type is the value's own, and else as text, which the server reads as it would a literal.
final class ParameterBuffer {
    /// The numbers of the types that values have a binary form for (`pg_type.dat`).
    enum TypeID {
        static let bool: Oid = 16
        static let bytea: Oid = 17
        static let int8: Oid = 20
        static let int2: Oid = 21
        static let int4: Oid = 23
        static let text: Oid = 25
        static let varchar: Oid = 1043
        static let numeric: Oid = 1700
        static let uuid: Oid = 2950
        static let xid8: Oid = 5069
    }

    /// What the server is to take a parameter for when it parses a statement. Numbers are 64 bits wide: left to itself it would take `$1` in `$1 + 1` for 32. Texts are left
    /// to it, because a text can stand for anything.
    static func hint(_ value: SQLValue) -> Oid {
        switch value {
        case .integer: TypeID.int8
        case .id: TypeID.uuid
        case .bytes: TypeID.bytea
        case .text, .null: 0
        }
    }

    private(set) var values = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: 1)
    private(set) var lengths = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    private(set) var formats = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    private var count = 1
    private var arena = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 16)
    private var used = 0

    deinit {
        values.deallocate()
        lengths.deallocate()
        formats.deallocate()
        arena.deallocate()
    }

    /// Encodes one set.
    /// - Returns: about how many bytes it will take.
    func encode(_ set: [SQLValue], for types: [Oid]) -> Int {
        reserve(set)
        used = 0
        for index in set.indices {
            formats[index] = 1
            switch set[index] {
            case .null: (values[index], lengths[index]) = (nil, 0)
            case .integer(let value): put(value, types[index], index)
            case .text(var text):
                // As text the server reads it as it would read a literal of its own type; there it ends with a NUL.
                if types[index] != TypeID.text, types[index] != TypeID.varchar { formats[index] = 0 }
                text.withUTF8 { put(UnsafeRawBufferPointer($0), index) }
            case .bytes(let bytes): bytes.withUnsafeBytes { put($0, index) }
            case .id(let id):
                if types[index] == TypeID.uuid || types[index] == TypeID.bytea {
                    withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { put($0, index) }
                } else {
                    put("\(id)", index)
                }
            }
        }
        return used
    }

    private func put(_ value: Int64, _ type: Oid, _ index: Int) {
        switch type {
        case TypeID.int8: withUnsafeBytes(of: value.bigEndian) { put($0, index) }
        case TypeID.bool: withUnsafeBytes(of: UInt8(value == 0 ? 0 : 1)) { put($0, index) }
        default:
            if type == TypeID.int4, let small = Int32(exactly: value) { return withUnsafeBytes(of: small.bigEndian) { put($0, index) } }
            if type == TypeID.int2, let small = Int16(exactly: value) { return withUnsafeBytes(of: small.bigEndian) { put($0, index) } }
            put("\(value)", index)
        }
    }

    private func put(_ text: String, _ index: Int) {
        formats[index] = 0
        var text = text
        text.withUTF8 { put(UnsafeRawBufferPointer($0), index) }
    }

    /// Copies bytes into the arena, with a NUL behind them.
    private func put(_ bytes: UnsafeRawBufferPointer, _ index: Int) {
        let target = UnsafeMutableRawBufferPointer(rebasing: arena[used..<(used + bytes.count + 1)])
        target.copyMemory(from: bytes)
        target[bytes.count] = 0
        values[index] = target.baseAddress.map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }
        lengths[index] = Int32(clamping: bytes.count)
        used += bytes.count + 1
    }

    /// Makes room before anything is written: what libpq is pointed at may not move.
    private func reserve(_ set: [SQLValue]) {
        if set.count > count {
            for pointer in [UnsafeMutableRawPointer(values), UnsafeMutableRawPointer(lengths), UnsafeMutableRawPointer(formats)] { pointer.deallocate() }
            count = set.count * 2
            values = .allocate(capacity: count)
            lengths = .allocate(capacity: count)
            formats = .allocate(capacity: count)
        }
        var size = 0
        for value in set {
            switch value {
            case .null: break
            case .integer: size += 24
            case .text(let text): size += text.utf8.count + 1
            case .bytes(let bytes): size += bytes.count + 1
            case .id: size += 40
            }
        }
        guard size > arena.count else { return }
        arena.deallocate()
        arena = .allocate(byteCount: size * 2, alignment: 16)
    }
}
