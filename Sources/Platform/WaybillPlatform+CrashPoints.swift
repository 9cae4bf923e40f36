import Storage

extension WaybillPlatform {
    /// Every place where `CRASH_AT` can end a platform in one process, by name, in the order of an order's way; see ``CrashPoint``.
    public static var crashPoints: [String] {
        CrashPoint.allCases.flatMap { point in scopes(of: point).map { "\($0).\(point.rawValue)" } }
    }

    private static func scopes(of point: CrashPoint) -> [String] {
        switch point {
        case .beforeCommit, .afterCommit, .afterHandOver, .inMigration: ServiceAssembly.databases + ["payment-provider"]
        case .inPreparation, .beforeCatchUp, .beforePrune, .afterPrune: ServiceAssembly.databases
        case .afterPublish: []
        case .beforeCall, .afterCall, .afterRecord: ["payments", "notifications"]
        }
    }
}
