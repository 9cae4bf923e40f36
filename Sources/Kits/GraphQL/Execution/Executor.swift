import Synchronization
import Wire

/// Fills in a plan (GraphQL, October 2021, 6.3 and 6.4).
///
/// What needs no source is computed on the way. Fields that do are asked for side by side, as many at a time as their source allows; those of a mutation's root
/// one after the other. What fails is null, and where null must not be, the object around it is.
struct Executor: Sendable {
    private let schema: Schema
    private let source: any GraphQLSource
    private let record: Record

    private init(_ schema: Schema, _ source: any GraphQLSource, _ limits: GraphQLLimits) {
        (self.schema, self.source) = (schema, source)
        record = Record(limits)
    }

    /// - Returns: the data, null where the root itself is, and what went wrong in it.
    static func run(
        _ plan: Plan, _ schema: Schema, _ source: any GraphQLSource, _ limits: GraphQLLimits
    ) async -> (data: JSONValue, errors: [GraphQLError]) {
        let executor = Executor(schema, source, limits)
        let data = plan.kind == .mutation ? await executor.inTurn(plan.fields) : await executor.object(plan.fields, .null, [])
        let (errors, isExhausted) = executor.record.outcome
        guard !isExhausted else { return (.null, [.tooMuch("The answer has more than \(limits.values) values.")]) }
        return (data ?? .null, errors)
    }

    /// The root of a mutation: each field is done before the next begins.
    private func inTurn(_ fields: [PlannedField]) async -> JSONValue? {
        var members: [JSONObject.Member] = []
        for field in fields {
            guard let value = await value(field, .null, []) else { return nil }
            members.append(.init(key: field.responseKey, value: value))
        }
        return .object(JSONObject(members: members))
    }

    /// An object; nil where one of its fields is null that must not be.
    private func object(_ fields: [PlannedField], _ object: JSONValue, _ path: [PathElement]) async -> JSONValue? {
        var values = [JSONValue?](repeating: nil, count: fields.count)
        await withTaskGroup(of: (Int, JSONValue?).self) { group in
            for (index, field) in fields.enumerated() {
                if field.isAsynchronous {
                    group.addTask { (index, await value(field, object, path)) }
                } else {
                    values[index] = immediateValue(field, object, path)
                }
            }
            for await (index, value) in group { values[index] = value }
        }
        return Executor.object(fields, values)
    }

    private func immediateObject(_ fields: [PlannedField], _ object: JSONValue, _ path: [PathElement]) -> JSONValue? {
        Executor.object(fields, fields.map { immediateValue($0, object, path) })
    }

    private static func object(_ fields: [PlannedField], _ values: [JSONValue?]) -> JSONValue? {
        var members: [JSONObject.Member] = []
        members.reserveCapacity(fields.count)
        for (field, value) in zip(fields, values) {
            guard let value else { return nil }
            members.append(.init(key: field.responseKey, value: value))
        }
        return .object(JSONObject(members: members))
    }

    /// A field's value; nil where it is null and must not be.
    private func value(_ field: PlannedField, _ object: JSONValue, _ path: [PathElement]) async -> JSONValue? {
        guard field.isAsynchronous, !record.isExhausted else { return immediateValue(field, object, path) }
        let path = path + [.key(field.responseKey)]
        do {
            let raw: JSONValue
            if case .call(_, let call) = field.definition.resolution {
                raw = try await call(FieldInput(object: object, arguments: field.arguments, schema: schema), source)
            } else {
                raw = try resolve(field, object)
            }
            return await complete(raw, field.definition.type, field, path)
        } catch { return failed(error, field, path) }
    }

    private func immediateValue(_ field: PlannedField, _ object: JSONValue, _ path: [PathElement]) -> JSONValue? {
        let path = path + [.key(field.responseKey)]
        do { return immediatelyComplete(try resolve(field, object), field.definition.type, field, path) } catch { return failed(error, field, path) }
    }

    private func resolve(_ field: PlannedField, _ object: JSONValue) throws -> JSONValue {
        switch field.definition.resolution {
        case .member(let name): object[name] ?? .null
        case .value(let value): try value(FieldInput(object: object, arguments: field.arguments, schema: schema))
        // Only when the answer is too large already.
        case .call: .null
        }
    }

    private func failed(_ error: any Error, _ field: PlannedField, _ path: [PathElement]) -> JSONValue? {
        var told = error as? GraphQLError ?? GraphQLError("Something went wrong here.", code: "internal-error")
        (told.path, told.locations) = (path, [field.location])
        record.add(told)
        return field.definition.type.isRequired ? nil : .null
    }

    /// A value of a type, its parts completed side by side; nil where it is null and must not be.
    private func complete(_ value: JSONValue, _ type: TypeReference, _ field: PlannedField, _ path: [PathElement]) async -> JSONValue? {
        guard field.fields.contains(where: \.isAsynchronous), value != .null else { return immediatelyComplete(value, type, field, path) }
        guard record.spend() else { return nil }
        guard let element = type.element else {
            return await object(field.fields, value, path) ?? (type.isRequired ? nil : .null)
        }
        guard let values = value.array else { return failed(Executor.mismatch(type), field, path) }
        var completed = [JSONValue?](repeating: nil, count: values.count)
        await withTaskGroup(of: (Int, JSONValue?).self) { group in
            for (index, value) in values.enumerated() {
                group.addTask { (index, await complete(value, element, field, path + [.index(index)])) }
            }
            for await (index, value) in group { completed[index] = value }
        }
        return Executor.list(completed, type)
    }

    private func immediatelyComplete(_ value: JSONValue, _ type: TypeReference, _ field: PlannedField, _ path: [PathElement]) -> JSONValue? {
        guard record.spend() else { return nil }
        if value == .null {
            guard type.isRequired else { return .null }
            record.add(GraphQLError("There is no value where one must be.", code: "internal-error", at: [field.location], path: path))
            return nil
        }
        if let element = type.element {
            guard let values = value.array else { return failed(Executor.mismatch(type), field, path) }
            return Executor.list(values.enumerated().map { immediatelyComplete($1, element, field, path + [.index($0)]) }, type)
        }
        switch schema[type.name] {
        case .object: return immediateObject(field.fields, value, path) ?? (type.isRequired ? nil : .null)
        case .scalar(let scalar):
            guard let shown = scalar.show(value) else { return mismatched(type, field, path) }
            return shown
        case .enumeration(let enumeration):
            guard let name = value.string, enumeration.has(name) else { return mismatched(type, field, path) }
            return value
        case .input, nil: return mismatched(type, field, path)
        }
    }

    private func mismatched(_ type: TypeReference, _ field: PlannedField, _ path: [PathElement]) -> JSONValue? {
        record.add(GraphQLError(Executor.mismatch(type).message, code: "internal-error", at: [field.location], path: path))
        return type.isRequired ? nil : .null
    }

    private static func mismatch(_ type: TypeReference) -> GraphQLError { GraphQLError("The value is no \(type.optional).", code: "internal-error") }

    /// A list; nil, or null where it may be, when an element is null that must not be.
    private static func list(_ values: [JSONValue?], _ type: TypeReference) -> JSONValue? {
        let present = values.compactMap(\.self)
        guard present.count == values.count else { return type.isRequired ? nil : .null }
        return .array(present)
    }
}

/// What happens while a plan is filled in.
private final class Record: Sendable {
    private struct State {
        var values = 0
        var errors: [GraphQLError] = []
    }

    private let limits: GraphQLLimits
    private let state = Mutex(State())

    init(_ limits: GraphQLLimits) { self.limits = limits }

    /// Counts a value of the answer; false when there are too many.
    func spend() -> Bool {
        state.withLock { state in
            state.values += 1
            return state.values <= limits.values
        }
    }

    var isExhausted: Bool { state.withLock { $0.values > limits.values } }

    func add(_ error: GraphQLError) {
        state.withLock { if $0.errors.count < limits.errors { $0.errors.append(error) } }
    }

    /// The errors in the order of their places in the document, and whether the answer was too large.
    var outcome: (errors: [GraphQLError], isExhausted: Bool) {
        state.withLock { ($0.errors.sorted(by: Record.isBefore), $0.values > limits.values) }
    }

    private static func isBefore(_ a: GraphQLError, _ b: GraphQLError) -> Bool {
        let (x, y) = (a.locations.first ?? SourceLocation(line: 0, column: 0), b.locations.first ?? SourceLocation(line: 0, column: 0))
        guard x == y else { return (x.line, x.column) < (y.line, y.column) }
        return indexes(a).lexicographicallyPrecedes(indexes(b))
    }

    private static func indexes(_ error: GraphQLError) -> [Int] { (error.path ?? []).compactMap { if case .index(let index) = $0 { index } else { nil } } }
}
