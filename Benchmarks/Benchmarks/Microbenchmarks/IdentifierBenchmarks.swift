import Benchmark
import Messaging
import Wire

func registerIdentifiers() {
    Benchmark("identifier: generate", configuration: .init(scalingFactor: .mega)) { benchmark in
        var (generator, random) = (IdentifierGenerator(), RandomSource(seed: 1))
        benchmark.measure { for _ in benchmark.scaledIterations { blackHole(generator.next(now: Samples.moment, random: random.next())) } }
    }

    Benchmark("identifier: parse", configuration: .init(scalingFactor: .mega)) { benchmark in
        let texts = identifiers().map(\.description)
        benchmark.measure { for number in benchmark.scaledIterations { blackHole(Identifier(texts[number & 7])) } }
    }

    Benchmark("identifier: print", configuration: .init(scalingFactor: .mega)) { benchmark in
        let ids = identifiers()
        benchmark.measure { for number in benchmark.scaledIterations { blackHole(ids[number & 7].description) } }
    }
}

private func identifiers() -> [Identifier] {
    var (generator, random) = (IdentifierGenerator(), RandomSource(seed: 1))
    return (0..<8).map { _ in generator.next(now: Samples.moment, random: random.next()) }
}
