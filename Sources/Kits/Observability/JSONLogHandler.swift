import Logging

/// A swift-log back end that writes one JSON object per record, on one line.
///
/// `{"time":"2026-01-31T09:15:00.123Z","level":"info","logger":"orders","message":"order accepted","metadata":{"orderId":"..."}}`
///
/// `error` follows the message where the record carries one. Metadata values are strings; nested ones get dotted keys (`order.id`, `lines.0`).
/// Keys are sorted, so that the same record is the same line.
///
/// What users send ends up in logs, so two promises are kept here rather than at each call: nothing in a record can start a new line or
/// send control characters to a terminal (see `JSONLine`), and no whole e-mail address leaves (see ``redactEmailAddresses(in:)``).
public struct JSONLogHandler: LogHandler {
    /// The lowest level that is written.
    public var logLevel: Logger.Level
    /// What every record of this logger carries.
    public var metadata: Logger.Metadata = [:]
    /// What the task at hand adds, for instance its trace.
    public var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let writer: LogWriter
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - label: The logger's name.
    ///   - logLevel: The lowest level that is written.
    ///   - writer: Where lines go. Its ``LogWriter/flush()`` must be called now and then.
    ///   - metadataProvider: Adds the context of the task that logs.
    ///   - now: Milliseconds since 1970; the wall clock if `nil`.
    public init(
        label: String, logLevel: Logger.Level = .info, writer: LogWriter = .standardError, metadataProvider: Logger.MetadataProvider? = nil,
        now: (@Sendable () -> Int64)? = nil
    ) {
        self.label = label
        self.logLevel = logLevel
        self.writer = writer
        self.metadataProvider = metadataProvider
        self.now = now ?? { LogTime.now() }
    }

    /// One value of the logger's own metadata.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one record. A warning or worse is written at once, since the process may be about to end.
    public func log(event: LogEvent) {
        var line = JSONLine(time: now())
        line.append(key: "level", value: event.level.rawValue)
        line.append(key: "logger", value: label)
        line.append(key: "message", value: event.message.description)
        if let error = event.error { line.append(key: "error", value: String(describing: error)) }
        let values = flattened(event.metadata)
        if !values.isEmpty { line.append(key: "metadata", object: values) }
        writer.append(line.finish(), urgently: event.level >= .warning)
    }

    /// The record's own values win over the task's, and those over the logger's.
    private func flattened(_ own: Logger.Metadata?) -> [(key: String, value: String)] {
        let provided = metadataProvider?.get() ?? [:]
        let own = own ?? [:]
        var values: [(key: String, value: String)] = []
        values.reserveCapacity(metadata.count + provided.count + own.count)
        // Three small dictionaries are looked through one after the other: to merge them would copy one for every record.
        for (key, value) in own { Self.flatten(value, key: key, into: &values) }
        for (key, value) in provided where own[key] == nil { Self.flatten(value, key: key, into: &values) }
        for (key, value) in metadata where own[key] == nil && provided[key] == nil { Self.flatten(value, key: key, into: &values) }
        values.sort { $0.key < $1.key }
        return values
    }

    private static func flatten(_ value: Logger.Metadata.Value, key: String, into values: inout [(key: String, value: String)]) {
        switch value {
        case .string(let text): values.append((key, text))
        case .stringConvertible(let convertible): values.append((key, convertible.description))
        case .dictionary(let entries):
            for (name, entry) in entries { flatten(entry, key: "\(key).\(name)", into: &values) }
        case .array(let entries):
            for (index, entry) in entries.enumerated() { flatten(entry, key: "\(key).\(index)", into: &values) }
        }
    }
}
