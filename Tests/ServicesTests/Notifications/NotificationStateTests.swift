import Testing

@testable import Notifications

@Suite struct NotificationStateTests {
    @Test func `Every status meets every input as the table says`() {
        var table: [String] = []
        for attempts in [0, 3] as [Int64] {
            for input in NotificationState.Input.allCases {
                var state = NotificationState(failedAttempts: attempts)
                let effect = state.apply(input)
                table.append("PENDING after \(attempts) + \(input) -> \(state.status.name) after \(state.attempts), \(effect)")
            }
        }
        for end in NotificationState.Input.allCases {
            var ended = NotificationState(failedAttempts: 3)
            _ = ended.apply(end)
            for input in NotificationState.Input.allCases {
                var state = ended
                let effect = state.apply(input)
                #expect(state == ended, "an end is final")
                table.append("\(ended.status.name) + \(input) -> \(state.status.name), \(effect)")
            }
        }
        #expect(
            table == [
                "PENDING after 0 + delivered -> SENT after 1, tellSent",
                "PENDING after 0 + attemptFailed -> PENDING after 1, retry",
                "PENDING after 3 + delivered -> SENT after 4, tellSent",
                "PENDING after 3 + attemptFailed -> FAILED after 4, tellFailed",
                "SENT + delivered -> SENT, none",
                "SENT + attemptFailed -> SENT, none",
                "FAILED + delivered -> FAILED, none",
                "FAILED + attemptFailed -> FAILED, none",
            ])
    }
}
