/// Where a notification stands. A value: the rules below, and nothing else, decide what an attempt to send leads to.
struct NotificationState: Equatable, Sendable {
    enum Status: Int64, Sendable, CaseIterable {
        /// To be sent. Leads to ``sent`` or ``failed``.
        case pending = 1
        /// The channel took it. Final.
        case sent = 2
        /// No attempt is left. Final.
        case failed = 3

        /// The name outside.
        var name: String {
            switch self {
            case .pending: "PENDING"
            case .sent: "SENT"
            case .failed: "FAILED"
            }
        }
    }

    enum Input: Sendable, CaseIterable {
        /// The channel took the message.
        case delivered
        /// The channel refused it, or its answer is unknown.
        case attemptFailed
    }

    enum Effect: Equatable, Sendable {
        case none
        /// Tell that the customer was told.
        case tellSent
        /// Try again later.
        case retry
        /// Tell that the customer could not be told.
        case tellFailed
    }

    /// After so many attempts a notification is given up.
    static let maximumAttempts: Int64 = 4

    private(set) var status: Status = .pending
    /// Attempts made so far.
    private(set) var attempts: Int64 = 0

    /// A notification after so many failed attempts.
    init(failedAttempts: Int64 = 0) { attempts = failedAttempts }

    /// Takes the outcome of an attempt. What comes after the end has no effect: a job may be performed twice.
    mutating func apply(_ input: Input) -> Effect {
        switch (status, input) {
        case (.pending, .delivered):
            attempts += 1
            status = .sent
            return .tellSent
        case (.pending, .attemptFailed):
            attempts += 1
            guard attempts >= NotificationState.maximumAttempts else { return .retry }
            status = .failed
            return .tellFailed
        case (.sent, .delivered), (.sent, .attemptFailed), (.failed, .delivered), (.failed, .attemptFailed): return .none
        }
    }
}
