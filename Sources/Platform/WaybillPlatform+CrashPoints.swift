import Storage

extension WaybillPlatform {
    /// Every place where `CRASH_AT` can end a platform in one process, by name, in the order of an order's way; see ``CrashPoint``.
    public static var crashPoints: [String] {
        CrashPoint.allCases.flatMap { point in scopes(of: point).map { "\($0).\(point.rawValue)" } }
    }

    /// The further places that are passed only where a broker carries the events.
    public static var brokerCrashPoints: [String] { ServiceAssembly.databases.map { "\($0).\(CrashPoint.afterPublish.rawValue)" } }

    private static func scopes(of point: CrashPoint) -> [String] {
        switch point {
        case .beforeCommit, .afterCommit, .afterHandOver, .inMigration: ServiceAssembly.databases + ["payment-provider"]
        case .inPreparation, .beforeCatchUp, .beforePrune, .afterPrune: ServiceAssembly.databases
        // Without a broker nobody relays.
        case .afterPublish: []
        case .beforeCall, .afterCall, .afterRecord: ["payments", "notifications"]
        }
    }
}
