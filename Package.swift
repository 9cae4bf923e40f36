// swift-tools-version: 6.2
import Foundation
import PackageDescription

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") }
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

/// jemalloc where it is installed (libjemalloc-dev): a tenth to a fifth less CPU per order than the C library's malloc. Nothing needs it.
let allocator: [LinkerSetting] = FileManager.default.fileExists(atPath: "/usr/include/jemalloc/jemalloc.h") ? [.linkedLibrary("jemalloc")] : []

/// Warnings are errors everywhere.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")]

func library(_ name: String, _ folder: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: strict)
}
func test(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)Tests", resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "waybill",
    products: [
        .executable(name: "waybill", targets: ["waybill"]),
        // Libraries for the microbenchmarks in Benchmarks/, a package of its own.
        .library(name: "Wire", targets: ["Wire"]),
        .library(name: "Contracts", targets: ["Contracts"]),
        .library(name: "Storage", targets: ["Storage"]),
        .library(name: "Messaging", targets: ["Messaging"]),
        .library(name: "StorageSQLite", targets: ["StorageSQLite"]),
        .library(name: "Orders", targets: ["Orders"]),
        .library(name: "Inventory", targets: ["Inventory"]),
        .library(name: "Payments", targets: ["Payments"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    ],
    targets: [
        // System: C libraries from the operating system.
        .systemLibrary(name: "CSQLite", path: "Sources/System/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", path: "Sources/System/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // Kits: know no business.
        library("Wire", "Kits/Wire"),
        library("Storage", "Kits/Storage", ["Wire"]),
        library("Resilience", "Kits/Resilience", ["Wire"]),
        library("Observability", "Kits/Observability", [log, metrics, coreMetrics]),
        library("Messaging", "Kits/Messaging", ["Wire", "Storage", "Resilience", "Observability", deque, log, metrics, lifecycle]),
        library("Web", "Kits/Web", ["Wire", "Storage", "Messaging", httpTypes, log, lifecycle]),

        // The shared language.
        library("Contracts", "Contracts", ["Wire"]),

        // Services: know Contracts and Kits, never each other.
        library("Orders", "Services/Orders", ["Contracts", "Wire", "Storage", "Messaging", "Resilience", "Web", httpTypes, log, lifecycle]),
        library("Inventory", "Services/Inventory", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle]),
        library("Payments", "Services/Payments", ["Contracts", "Wire", "Storage", "Messaging", "Resilience", "Web", httpTypes, log, lifecycle]),
        library("Notifications", "Services/Notifications", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle]),
        library("Analytics", "Services/Analytics", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle]),
        library("Operations", "Services/Operations", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle, deque]),
        library(
            "Gateway", "Services/Gateway",
            ["Wire", "Storage", "Messaging", "Resilience", "Web", "Observability", hummingbird, httpTypes, lifecycle, log, metrics] + nio),

        // Adapters: engines and providers.
        library("StorageSQLite", "Adapters/StorageSQLite", ["CSQLite", "Wire", "Storage", log, metrics]),
        library("PaymentSimulator", "Adapters/PaymentSimulator", ["Contracts", "Wire", "Storage", "Messaging"]),

        // The only place that knows them all.
        library(
            "Platform", "Platform",
            [
                "Contracts", "Wire", "Storage", "Messaging", "Resilience", "Observability", "Web", "Orders", "Inventory", "Payments", "Notifications",
                "Analytics", "Operations", "Gateway", "StorageSQLite", "PaymentSimulator", lifecycle, log, metrics, coreMetrics,
            ]),

        // The whole platform in a world of virtual time and faults.
        library(
            "Simulation", "Simulation",
            [
                "Platform", "Contracts", "Wire", "Storage", "Messaging", "Web", "Orders", "Payments", "Notifications", "Operations", "StorageSQLite",
                "PaymentSimulator", deque, httpTypes, log,
            ]),

        // The outside: a client library and the command line.
        library("WaybillClient", "WaybillClient", ["Wire", "Contracts", httpTypes] + nio),
        .executableTarget(
            name: "waybill",
            dependencies: [
                "Platform", "Simulation", "WaybillClient", "Wire", "Contracts", "Storage", "StorageSQLite", "Observability", "CZlib", arguments, log,
                lifecycle, histogram,
            ],
            path: "Sources/waybill", swiftSettings: strict, linkerSettings: allocator),

        // Conformance suites: libraries that every adapter's tests call.
        .target(name: "StorageConformance", dependencies: ["Storage", "Wire"], path: "Tests/StorageConformance", swiftSettings: strict),
        // What scripts/power-cut cuts the power of.
        .executableTarget(name: "power-cut-writer", dependencies: ["Storage", "StorageSQLite"], path: "Tests/PowerCutWriter", swiftSettings: strict),
        test("Wire", ["Wire"]),
        test("Contracts", ["Contracts", "Wire"], resources: [.copy("Golden")]),
        test("StorageSQLite", ["StorageSQLite", "StorageConformance", "Storage", "Wire"]),
        test("Messaging", ["Messaging", "Storage", "StorageSQLite", "Wire"]),
        test("Kits", ["Resilience", "Observability", "Web", "Wire", log, metrics]),
        test(
            "Services",
            [
                "Orders", "Inventory", "Payments", "Notifications", "Analytics", "Operations", "Contracts", "Wire", "Storage", "StorageSQLite", "Messaging",
                "PaymentSimulator", "Web",
            ]),
        test("Saga", ["Orders", "Inventory", "Payments", "Notifications", "Contracts", "Wire", "Messaging", "PaymentSimulator", "Storage", "StorageSQLite"]),
        test(
            "Platform",
            [
                "Platform", "Gateway", "Messaging", "Resilience", "Web", "WaybillClient", "Contracts", "Wire", "Storage", "StorageSQLite", "Observability", log,
                lifecycle,
            ]),
        test("Simulation", ["Simulation"]),
        test("Layout", []),
        test("Waybill", ["waybill", "Wire", "WaybillClient", "CZlib"] + nio),
    ],
    swiftLanguageModes: [.v6]
)
