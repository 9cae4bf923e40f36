import CPostgres
import Storage

/// Sets of parameters as libpq wants them for a ``SetStatement``: an array per parameter, in PostgreSQL's binary format (`array_recv`), in memory that is used again and again.
final class SetBuffer {
    private(set) var values: [UnsafePointer<CChar>?] = []
    private(set) var lengths: [Int32] = []
    private(set) var formats: [Int32] = []
    private var arena = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 * 1024, alignment: 16)
    private var used = 0

    deinit { arena.deallocate() }

    /// How many bytes the last sets take.
    var size: Int { used }

    /// What an array of a type is called; nil for types that values have no binary form for.
    static func arrayTypeName(_ type: Oid) -> String? {
        switch type {
        case ParameterBuffer.TypeID.int8: "bigint[]"
        case ParameterBuffer.TypeID.text: "text[]"
        case ParameterBuffer.TypeID.varchar: "varchar[]"
        case ParameterBuffer.TypeID.uuid: "uuid[]"
        case ParameterBuffer.TypeID.bytea: "bytea[]"
        default: nil
        }
    }

    /// Encodes sets, as many as fit into a limit, at least one.
    /// - Returns: how many that were; nil where a value is not what the server takes its parameter for.
    func encode(_ sets: ArraySlice<[SQLValue]>, for types: [Oid], limit: Int) -> Int? {
        var (count, bytes) = (0, 0)
        for set in sets {
            var size = 0
            for (value, type) in zip(set, types) {
                guard let length = SetBuffer.length(value, type) else { return nil }
                size += length + 4
            }
            if count > 0, bytes + size > limit { break }
            (count, bytes) = (count + 1, bytes + size)
        }
        reserve(bytes + types.count * 32)
        used = 0
        (values, lengths, formats) = ([], [], [])
        for (index, type) in types.enumerated() {
            let start = used
            let column = sets.prefix(count)
            putWord(1)
            putWord(column.contains { $0[index] == .null } ? 1 : 0)
            putWord(Int32(bitPattern: type))
            putWord(Int32(count))
            putWord(1)
            for set in column { put(set[index]) }
            values.append(UnsafePointer(arena.baseAddress?.advanced(by: start).assumingMemoryBound(to: CChar.self)))
            lengths.append(Int32(used - start))
            formats.append(1)
            used = (used + 7) & ~7
        }
        return count
    }

    /// How many bytes a value takes; nil if it has no binary form of the type.
    private static func length(_ value: SQLValue, _ type: Oid) -> Int? {
        switch (value, type) {
        case (.null, _): 0
        case (.integer, ParameterBuffer.TypeID.int8): 8
        case (.id, ParameterBuffer.TypeID.uuid), (.id, ParameterBuffer.TypeID.bytea): 16
        case (.bytes(let bytes), ParameterBuffer.TypeID.bytea): bytes.count
        case (.text(let text), ParameterBuffer.TypeID.text), (.text(let text), ParameterBuffer.TypeID.varchar): text.utf8.count
        default: nil
        }
    }

    private func put(_ value: SQLValue) {
        switch value {
        case .null: putWord(-1)
        case .integer(let value):
            putWord(8)
            withUnsafeBytes(of: value.bigEndian) { putBytes($0) }
        case .id(let id):
            putWord(16)
            withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { putBytes($0) }
        case .bytes(let bytes):
            putWord(Int32(bytes.count))
            bytes.withUnsafeBytes { putBytes($0) }
        case .text(var text):
            text.withUTF8 {
                putWord(Int32($0.count))
                putBytes(UnsafeRawBufferPointer($0))
            }
        }
    }

    private func putWord(_ value: Int32) { withUnsafeBytes(of: value.bigEndian) { putBytes($0) } }

    private func putBytes(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: arena[used..<(used + bytes.count)]).copyMemory(from: bytes)
        used += bytes.count
    }

    /// Makes room before anything is written: what libpq is pointed at may not move.
    private func reserve(_ size: Int) {
        guard size > arena.count else { return }
        arena.deallocate()
        arena = .allocate(byteCount: size * 2, alignment: 16)
    }
}
