import ArgumentParser
import Platform

/// `waybill crash-points`, hidden: what a chaos test may put into CRASH_AT.
struct CrashPointsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crash-points", abstract: "List the points at which CRASH_AT=point:n ends a platform. For tests.",
        discussion: """
            Example:
              CRASH_AT=orders.after-commit:3 waybill serve
              CRASH_AT=orders.after-publish:2 waybill serve --config deploy/config/split-rabbitmq.yaml --services orders
            """, shouldDisplay: false)

    @Flag(help: "Also those that are passed only where a broker carries the events.")
    var broker = false

    func run() {
        for point in WaybillPlatform.crashPoints + (broker ? WaybillPlatform.brokerCrashPoints : []) { Output.line(point) }
    }
}
