import CRabbitMQ

/// A value in an AMQP table.
enum AMQPValue: Sendable, Equatable {
    case text(String)
    case flag(Bool)
    case integer(Int64)
    case table([AMQPField])
}

/// A named value in an AMQP table: an argument of a queue, a header of a message.
struct AMQPField: Sendable, Equatable {
    let name: String
    let value: AMQPValue
    init(_ name: String, _ value: AMQPValue) { (self.name, self.value) = (name, value) }
}

/// Memory for what the C library reads during one call: texts, tables and headers, without an allocation for each. Confined to one thread.
final class AMQPArena {
    private static let blockBytes = 32 * 1024
    private var blocks: [(base: UnsafeMutableRawPointer, count: Int)] = []
    /// The block that is being filled, and how far.
    private var current = 0
    private var used = 0

    deinit { for block in blocks { block.base.deallocate() } }

    /// Gives up everything that was made; a block is kept for the next call.
    func reset() {
        while blocks.count > 1, let block = blocks.popLast() { block.base.deallocate() }
        (current, used) = (0, 0)
    }

    /// Memory that is aligned for any value.
    func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let size = (max(count, 1) + 15) & ~15
        if current >= blocks.count || used + size > blocks[current].count {
            // The block that was being filled is left behind with what is free of it; the next reset begins again with the first.
            let count = max(size, AMQPArena.blockBytes)
            blocks.append((.allocate(byteCount: count, alignment: 16), count))
            (current, used) = (blocks.count - 1, 0)
        }
        defer { used += size }
        return blocks[current].base + used
    }

    /// A copy of one or two texts in a row.
    func bytes(_ first: String, _ second: String = "") -> amqp_bytes_t {
        let count = first.utf8.count + second.utf8.count
        let memory = allocate(count)
        var position = 0
        for text in [first, second] where !text.isEmpty {
            var text = text
            position += text.withUTF8 { utf8 in
                if let base = utf8.baseAddress { (memory + position).copyMemory(from: base, byteCount: utf8.count) }
                return utf8.count
            }
        }
        return amqp_bytes_t(len: count, bytes: memory)
    }

    /// A table of these fields.
    func table(_ fields: [AMQPField]) -> amqp_table_t {
        table(count: fields.count) { index in entry(bytes(fields[index].name), fields[index].value) }
    }

    /// A table of entries that are made one by one.
    func table(count: Int, _ entry: (Int) -> amqp_table_entry_t) -> amqp_table_t {
        let entries = allocate(count * MemoryLayout<amqp_table_entry_t>.stride).bindMemory(to: amqp_table_entry_t.self, capacity: count)
        for index in 0..<count { (entries + index).initialize(to: entry(index)) }
        return amqp_table_t(num_entries: Int32(count), entries: entries)
    }

    /// A table's entry.
    func entry(_ name: amqp_bytes_t, _ value: AMQPValue) -> amqp_table_entry_t {
        var field = amqp_field_value_t()
        switch value {
        case .text(let text):
            field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            field.value.bytes = bytes(text)
        case .flag(let isSet):
            field.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
            field.value.boolean = isSet ? 1 : 0
        case .integer(let number):
            field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
            field.value.i64 = number
        case .table(let fields):
            field.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
            field.value.table = table(fields)
        }
        return amqp_table_entry_t(key: name, value: field)
    }
}

extension amqp_bytes_t {
    /// The bytes as text; what is not UTF-8 is replaced.
    var text: String { String(decoding: UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len), as: UTF8.self) }
    var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : len) }
}

extension amqp_table_t {
    /// Visits every entry.
    func visit(_ body: (amqp_table_entry_t) -> Void) {
        for entry in UnsafeBufferPointer(start: entries, count: entries == nil ? 0 : max(0, Int(num_entries))) { body(entry) }
    }
    /// The text of an entry; nil where there is none of that name.
    func text(_ name: String) -> String? {
        var found: String?
        visit { entry in if found == nil, entry.key.text == name { found = entry.value.text } }
        return found
    }
}

extension amqp_field_value_t {
    /// The value in words; nil for tables, lists and nothing.
    var text: String? {
        switch UInt32(kind) {
        case AMQP_FIELD_KIND_UTF8.rawValue, AMQP_FIELD_KIND_BYTES.rawValue: value.bytes.text
        case AMQP_FIELD_KIND_BOOLEAN.rawValue: value.boolean != 0 ? "true" : "false"
        default: integer.map { "\($0)" }
        }
    }
    /// The value where it is a whole number.
    var integer: Int64? {
        switch UInt32(kind) {
        case AMQP_FIELD_KIND_I8.rawValue: Int64(value.i8)
        case AMQP_FIELD_KIND_U8.rawValue: Int64(value.u8)
        case AMQP_FIELD_KIND_I16.rawValue: Int64(value.i16)
        case AMQP_FIELD_KIND_U16.rawValue: Int64(value.u16)
        case AMQP_FIELD_KIND_I32.rawValue: Int64(value.i32)
        case AMQP_FIELD_KIND_U32.rawValue: Int64(value.u32)
        case AMQP_FIELD_KIND_I64.rawValue: value.i64
        case AMQP_FIELD_KIND_U64.rawValue, AMQP_FIELD_KIND_TIMESTAMP.rawValue: Int64(clamping: value.u64)
        default: nil
        }
    }
}
