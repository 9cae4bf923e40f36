import Dispatch

/// Time since the machine's start, in nanoseconds: `CLOCK_MONOTONIC`, which nobody sets.
enum Uptime {
    static var now: UInt64 { DispatchTime.now().uptimeNanoseconds }

    static var milliseconds: Int64 { Int64(now / 1_000_000) }

    /// A duration from nothing to a year.
    static func nanoseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = min(max(duration, .zero), .seconds(31_536_000)).components
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
