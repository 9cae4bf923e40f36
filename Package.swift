// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// The server alone: what Hummingbird builds on it takes a minute to compile, and the gateway has routes of its own.
let hummingbird = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let nio: [Target.Dependency] = ["NIOCore", "NIOPosix", "NIOHTTP1"].map { .product(name: $0, package: "swift-nio") }
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")

/// jemalloc where it is installed (libjemalloc-dev): a tenth to a fifth less CPU per order than the C library's malloc. Nothing needs it.
let allocator: [LinkerSetting] = FileManager.default.fileExists(atPath: "/usr/include/jemalloc/jemalloc.h") ? [.linkedLibrary("jemalloc")] : []

/// What this build has beyond what every build has: `WAYBILL_ENGINES=postgres,kafka,rabbitmq,redis,tls`, `all`, or nothing. The engines need the C libraries that
/// `scripts/setup --engines` installs, TLS needs nothing but time to build; see docs/adr/0017-engines.md for why this is the environment and not package traits.
enum Engine: String, CaseIterable {
    case postgres, kafka, rabbitmq, redis, tls

    /// The setting by which code knows that the engine is there: `#if ENGINE_POSTGRES`.
    var define: SwiftSetting { .define("ENGINE_\(rawValue.uppercased())") }
    /// The target that knows it; nil for what is a part of others.
    var adapter: String? {
        switch self {
        case .postgres: "StoragePostgres"
        case .kafka: "BrokerKafka"
        case .rabbitmq: "BrokerRabbitMQ"
        case .redis: "CacheRedis"
        case .tls: nil
        }
    }
    /// The targets that exist only with this engine.
    var targets: [Target] {
        switch self {
        case .postgres:
            [
                .systemLibrary(name: "CPostgres", path: "Sources/System/CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
                library("StoragePostgres", "Adapters/StoragePostgres", ["CPostgres", "Wire", "Storage", log, metrics]),
                test("StoragePostgres", ["StoragePostgres", "StorageConformance", "Messaging", "Storage", "Wire", log]),
            ]
        case .kafka:
            [
                .systemLibrary(name: "CKafka", path: "Sources/System/CKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
                library("BrokerKafka", "Adapters/BrokerKafka", ["CKafka", "Wire", "Storage", "Messaging", deque, log, metrics]),
                .executableTarget(name: "kafka-mock", dependencies: ["CKafka"], path: "Tests/KafkaMock", swiftSettings: strict),
                test("BrokerKafka", ["BrokerKafka", "BrokerConformance", "Messaging", "Storage", "Wire"]),
            ]
        case .rabbitmq:
            [
                .systemLibrary(name: "CRabbitMQ", path: "Sources/System/CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
                library("BrokerRabbitMQ", "Adapters/BrokerRabbitMQ", ["CRabbitMQ", "Wire", "Storage", "Messaging", "Resilience", deque, log, metrics]),
                test("BrokerRabbitMQ", ["BrokerRabbitMQ", "BrokerConformance", "Messaging", "Storage", "Wire"]),
            ]
        case .redis:
            [
                .systemLibrary(name: "CRedis", path: "Sources/System/CRedis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
                library("CacheRedis", "Adapters/CacheRedis", ["CRedis", "Wire", "Storage", "Resilience", log, metrics]),
                test("CacheRedis", ["CacheRedis", "CacheConformance", "CRedis", "Gateway", "Storage", "Resilience", "Web", log]),
            ]
        case .tls: []
        }
    }
}
let engineNames = (Context.environment["WAYBILL_ENGINES"] ?? "").split(separator: ",").map(String.init)
let engines =
    engineNames == ["all"]
    ? Engine.allCases
    : engineNames.map { name in
        guard let engine = Engine(rawValue: name) else {
            fatalError("WAYBILL_ENGINES: there is no engine \"\(name)\"; engines: \(Engine.allCases.map(\.rawValue).joined(separator: ", ")), or all")
        }
        return engine
    }
let engineAdapters = engines.compactMap(\.adapter).map { Target.Dependency(stringLiteral: $0) }
let hasTLS = engines.contains(.tls)
let tls: [Target.Dependency] =
    hasTLS
    ? [
        .product(name: "HummingbirdHTTP2", package: "hummingbird"), .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
    ] : []
let engineSettings = engines.map(\.define)

/// The product carries Swift's runtime and libraries in itself: a call into them then is a call, and not a look into the tables of a shared library, which is a
/// good part of what an order costs. Foundation's own parts have to be named, because the targets are compiled for either way of linking.
let runtime: [LinkerSetting] = [
    .unsafeFlags(
        ["-static-stdlib", "-Xlinker", "--start-group"]
            + ["Foundation", "FoundationEssentials", "FoundationInternationalization", "CoreFoundation", "_FoundationICU", "_FoundationCShims"].map {
                "-l\($0)"
            }
            + ["-l_FoundationCollections", "-Xlinker", "--end-group", "-lstdc++"],
        .when(platforms: [.linux], configuration: .release))
]

/// Warnings are errors everywhere. The product does not look for overlapping accesses while it runs: debug builds, which all tests are, do.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func library(_ name: String, _ folder: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: strict + settings)
}
func test(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = [], settings: [SwiftSetting] = []) -> Target {
    .testTarget(name: name + "Tests", dependencies: dependencies, path: "Tests/\(name)Tests", resources: resources, swiftSettings: strict + settings)
}

let package = Package(
    name: "waybill",
    products: [
        .executable(name: "waybill", targets: ["waybill"]),
        // For programs that use a platform: docs/client.md. Wire and Contracts have the types that it speaks in.
        .library(name: "WaybillClient", targets: ["WaybillClient"]),
        .library(name: "Wire", targets: ["Wire"]),
        .library(name: "Contracts", targets: ["Contracts"]),
        // With these two, libraries for the microbenchmarks in Benchmarks/, a package of its own.
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
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ]
        + (hasTLS
            ? [
                .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
                .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
            ] : []),
    targets: [
        // System: C libraries from the operating system.
        .systemLibrary(name: "CSQLite", path: "Sources/System/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", path: "Sources/System/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCurl", path: "Sources/System/CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CCrypto", path: "Sources/System/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        // Kits: know no business.
        library("Wire", "Kits/Wire"),
        library("Security", "Kits/Security", ["CCrypto", "Wire"]),
        library("Storage", "Kits/Storage", ["Wire", metrics]),
        library("Resilience", "Kits/Resilience", ["Wire"]),
        library("Observability", "Kits/Observability", [log, metrics, coreMetrics]),
        library("Messaging", "Kits/Messaging", ["Wire", "Storage", "Resilience", "Observability", deque, log, metrics, lifecycle]),
        library("GraphQL", "Kits/GraphQL", ["Wire"]),
        library("Web", "Kits/Web", ["CZlib", "Wire", "Security", "Storage", "Messaging", httpTypes, log, lifecycle]),

        // The shared language.
        library("Contracts", "Contracts", ["Wire"]),

        // Services: know Contracts and Kits, never each other.
        library("Orders", "Services/Orders", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle]),
        library("Inventory", "Services/Inventory", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle]),
        library("Payments", "Services/Payments", ["Contracts", "Wire", "Storage", "Messaging", "Resilience", "Web", httpTypes, log, lifecycle]),
        library("Notifications", "Services/Notifications", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle]),
        library("Analytics", "Services/Analytics", ["Contracts", "Wire", "Storage", "Messaging", "Web", httpTypes, log, lifecycle]),
        library(
            "Operations", "Services/Operations", ["Contracts", "Wire", "Storage", "Messaging", "Web", "Security", httpTypes, log, lifecycle, deque, metrics]),
        library("Identity", "Services/Identity", ["Wire", "Storage", "Messaging", "Security", "Web", httpTypes, log, lifecycle]),
        library(
            "Gateway", "Services/Gateway",
            ["Contracts", "Wire", "GraphQL", "Storage", "Messaging", "Resilience", "Web", "Observability", hummingbird, httpTypes, lifecycle, log, metrics]
                + nio + tls, settings: hasTLS ? [Engine.tls.define] : []),

        // Adapters: engines and providers.
        library("StorageSQLite", "Adapters/StorageSQLite", ["CSQLite", "Wire", "Storage", log, metrics]),
        library("PaymentSimulator", "Adapters/PaymentSimulator", ["Contracts", "Wire", "Storage", "Messaging"]),
        library("OutgoingHTTP", "Adapters/OutgoingHTTP", ["CCurl", "Web", deque]),

        // The only place that knows them all.
        library(
            "Platform", "Platform",
            [
                "Contracts", "Wire", "Storage", "Messaging", "Resilience", "Observability", "Web", "Orders", "Inventory", "Payments", "Notifications",
                "Analytics", "Operations", "Identity", "Security", "Gateway", "StorageSQLite", "PaymentSimulator", "OutgoingHTTP", "WaybillClient", httpTypes,
                lifecycle, log, metrics, coreMetrics,
            ] + engineAdapters, settings: engineSettings),

        // The whole platform in a world of virtual time and faults.
        library(
            "Simulation", "Simulation",
            [
                "Platform", "Contracts", "Wire", "Storage", "Messaging", "Web", "Orders", "Payments", "Notifications", "Operations", "StorageSQLite",
                "PaymentSimulator", deque, httpTypes, log,
            ]),

        // The outside: a client library and the command line.
        library("WaybillClient", "WaybillClient", ["CCurl", "Wire", "Contracts", httpTypes] + nio),
        .executableTarget(
            name: "waybill",
            dependencies: [
                "Platform", "Simulation", "WaybillClient", "Wire", "Contracts", "Storage", "StorageSQLite", "Observability", "Web", "CZlib", arguments, log,
                lifecycle, histogram, yaml,
            ],
            path: "Sources/waybill", swiftSettings: strict, linkerSettings: allocator + runtime),

        // Documents and golden files that tests compare with what the code says, and write anew where that is wished.
        .target(name: "TestDocuments", path: "Tests/TestDocuments", swiftSettings: strict),
        // Tokens that hold and tokens that must not.
        .target(name: "TestTokens", dependencies: ["Security", "Wire"], path: "Tests/TestTokens", swiftSettings: strict),
        // Certificates of servers, as they should be and not.
        .target(name: "TestCertificates", path: "Tests/TestCertificates", swiftSettings: strict),
        // The outside that the platform sends requests to.
        .target(name: "TestReceiver", dependencies: nio, path: "Tests/TestReceiver", swiftSettings: strict),
        // Where the tests of kits and services get their databases from.
        .target(
            name: "TestDatabases", dependencies: ["Storage", "StorageSQLite"] + (engines.contains(.postgres) ? ["StoragePostgres"] : []),
            path: "Tests/TestDatabases", swiftSettings: strict + engineSettings),
        // Conformance suites: libraries that every adapter's tests call.
        .target(name: "StorageConformance", dependencies: ["Storage", "Wire"], path: "Tests/StorageConformance", swiftSettings: strict),
        .target(name: "BrokerConformance", dependencies: ["Messaging", "Storage", "Wire"], path: "Tests/BrokerConformance", swiftSettings: strict),
        .target(name: "CacheConformance", dependencies: ["Storage", "Resilience", "Wire"], path: "Tests/CacheConformance", swiftSettings: strict),
        // What scripts/power-cut cuts the power of.
        .executableTarget(name: "power-cut-writer", dependencies: ["Storage", "StorageSQLite"], path: "Tests/PowerCutWriter", swiftSettings: strict),
        test("Wire", ["Wire"]),
        test("Security", ["Security", "TestTokens", "Wire"]),
        test("Contracts", ["Contracts", "TestDocuments", "Wire"], resources: [.copy("Golden")]),
        test("StorageSQLite", ["StorageSQLite", "StorageConformance", "Storage", "Wire"]),
        test("OutgoingHTTP", ["OutgoingHTTP", "TestReceiver", "Web"]),
        test("Messaging", ["Messaging", "BrokerConformance", "Storage", "StorageSQLite", "TestDatabases", "Wire"]),
        test("Kits", ["Resilience", "Observability", "Storage", "CacheConformance", "Web", "Wire", "CZlib", httpTypes, log, metrics]),
        test(
            "Services",
            [
                "Orders", "Inventory", "Payments", "Notifications", "Analytics", "Operations", "Identity", "Security", "Contracts", "Wire", "Storage",
                "StorageSQLite", "Messaging", "PaymentSimulator", "TestDatabases", "TestDocuments", "Web",
            ]),
        test(
            "Saga",
            [
                "Orders", "Inventory", "Payments", "Notifications", "Contracts", "Wire", "Messaging", "PaymentSimulator", "Storage", "StorageSQLite",
                "TestDocuments",
            ]),
        test(
            "Platform",
            [
                "Platform", "Gateway", "GraphQL", "Identity", "Security", "Messaging", "Resilience", "Web", "WaybillClient", "Contracts", "Wire", "Storage",
                "StorageSQLite", "Observability", "TestTokens", "TestDocuments", "TestReceiver", "TestCertificates", "waybill", log, lifecycle, httpTypes,
            ] + nio + tls, resources: [.copy("Golden")], settings: engineSettings),
        test("Simulation", ["Simulation"]),
        test("GraphQL", ["GraphQL", "Wire"]),
        test("Layout", []),
        test(
            "Waybill",
            ["waybill", "TestDocuments", "TestCertificates", "Wire", "Contracts", "Web", "WaybillClient", "CZlib", arguments] + nio
                + (hasTLS ? [.product(name: "NIOSSL", package: "swift-nio-ssl")] : []), settings: engineSettings),
    ] + engines.flatMap(\.targets),
    swiftLanguageModes: [.v6]
)
