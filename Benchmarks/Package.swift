// swift-tools-version: 6.3
import PackageDescription

let benchmark = Target.Dependency.product(name: "Benchmark", package: "benchmark")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

func kits(_ names: String...) -> [Target.Dependency] { names.map { .product(name: $0, package: "waybill") } }
func suite(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: [benchmark] + dependencies, path: "Benchmarks/\(name)",
        swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny")],
        plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
}

let package = Package(
    name: "Benchmarks",
    dependencies: [
        .package(name: "waybill", path: ".."),
        // Without its traits it needs no allocation counters, which come from packages of their own.
        .package(url: "https://github.com/ordo-one/benchmark.git", from: "1.38.1", traits: []),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    ],
    targets: [
        suite("Values", kits("Wire", "Contracts")),
        suite("Engine", kits("Wire", "Contracts", "Storage", "Messaging", "StorageSQLite") + [log]),
    ],
    swiftLanguageModes: [.v6]
)
