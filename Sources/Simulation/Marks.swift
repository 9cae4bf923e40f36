/// What a set of runs must have met to count as a proof: a run that never came near the danger proves nothing (promise M2).
public enum Mark: String, CaseIterable, Sendable, Comparable {
    case cancelWhileCharging = "cancel while charging"
    case cancelOvertakes = "cancel before the event it overtakes"
    case lastUnitContested = "last unit contested"
    case crashBeforePublish = "crash between commit and publish"
    case crashBeforeCommit = "crash before a commit"
    case redeliveryAfterCrash = "redelivery after a crash"
    case catchUp = "events read from the outbox because memory was full"
    case unknownCaptured = "unknown payment found captured"
    case unknownDeclined = "unknown payment found declined"
    case lateCaptureRefused = "late capture refused by a cancelled intent"
    case refundAfterCapture = "refund because the capture came first"
    case voided = "intent voided"
    case retried = "failing event retried and applied"
    case retryExhausted = "retries exhausted"
    case redriven = "dead letter redriven"
    case replayedKey = "idempotency key answered from memory"
    case keyInFlight = "idempotency key in flight"
    case keyReused = "idempotency key with another body"
    case deadline = "deadline passed"
    case wallClockBack = "wall clock set back"
    case diskFull = "disk full"
    case breakerOpen = "circuit breaker opened"
    case tooNew = "event too new for its consumer waited for the update"

    public static func < (a: Mark, b: Mark) -> Bool { a.rawValue < b.rawValue }
}
