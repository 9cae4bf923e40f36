import Benchmark
import Contracts

func registerMoney() {
    Benchmark("money: parse", configuration: .init(scalingFactor: .mega)) { benchmark in
        let (texts, currency) = (Samples.amounts, try Samples.gbp())
        benchmark.measure { for number in benchmark.scaledIterations { blackHole(Money(texts[number & 7], currency)) } }
    }

    Benchmark("money: format", configuration: .init(scalingFactor: .mega)) { benchmark in
        let amounts = try Samples.money()
        benchmark.measure { for number in benchmark.scaledIterations { blackHole(amounts[number & 7].amount) } }
    }

    Benchmark("money: times and plus, a line added to a total", configuration: .init(scalingFactor: .mega)) { benchmark in
        let amounts = try Samples.money()
        benchmark.measure {
            for number in benchmark.scaledIterations {
                let line = amounts[number & 7].times(Int64(number & 15))
                blackHole(line.flatMap { amounts[(number + 1) & 7].plus($0) })
            }
        }
    }
}

extension Samples {
    fileprivate static func money() throws -> [Money] {
        let currency = try gbp()
        return amounts.compactMap { Money($0, currency) }
    }
}
