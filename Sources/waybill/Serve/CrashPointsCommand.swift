import ArgumentParser
import Platform

/// `waybill crash-points`, hidden: what a chaos test may put into CRASH_AT.
struct CrashPointsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-points", abstract: "List the points at which CRASH_AT=point:n ends a platform. For tests.",
        discussion: """
            Example:
              CRASH_AT=orders.after-commit:3 waybill serve
            """, shouldDisplay: false)

    func run() {
        for point in WaybillPlatform.crashPoints { Output.line(point) }
    }
}
