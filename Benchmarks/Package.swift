// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that nobody who only builds Waybill fetches or compiles the measuring tools.
// 6.3: with older toolchains the benchmark package asks for a swift-argument-parser older than Waybill's.
let package = Package(
    name: "waybill-benchmarks",
    dependencies: [
        .package(name: "waybill", path: ".."),
        // Its traits count allocations and retains, with packages that replace malloc: not needed here.
        .package(url: "https://github.com/ordo-one/benchmark.git", from: "1.38.1", traits: []),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "Microbenchmarks",
            dependencies: [
                .product(name: "Wire", package: "waybill"),
                .product(name: "Contracts", package: "waybill"),
                .product(name: "Storage", package: "waybill"),
                .product(name: "Messaging", package: "waybill"),
                .product(name: "StorageSQLite", package: "waybill"),
                .product(name: "Orders", package: "waybill"),
                .product(name: "Inventory", package: "waybill"),
                .product(name: "Payments", package: "waybill"),
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Benchmarks/Microbenchmarks",
            swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")],
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ],
    swiftLanguageModes: [.v6]
)
