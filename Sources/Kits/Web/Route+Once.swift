extension Route {
    /// The same operation, done once per Idempotency-Key; for what cannot be one transaction, and may be begun twice without harm
    /// (``IdempotentWrite/runRepeatable(_:_:)``). What only reads stays as it is.
    public func once(per keys: IdempotentWrite) -> Route {
        guard method != .get, method != .head else { return self }
        return handled { request in try await keys.runRepeatable(request) { try await handle(request) } }
    }
}
