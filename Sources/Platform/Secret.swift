/// A value that must not be seen: it prints as `***`, also within something that is printed whole.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// What is hidden.
    public let value: String

    public init(_ value: some StringProtocol) { self.value = String(value) }

    public var description: String { "***" }
    public var debugDescription: String { "***" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
