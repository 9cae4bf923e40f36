import Benchmark
import Contracts
import Wire

func registerJSON() {
    Benchmark("json: parse an order body of 3 lines", configuration: .init(scalingFactor: .kilo)) { benchmark in
        let body = Samples.orderBody
        try benchmark.measure { for _ in benchmark.scaledIterations { blackHole(try JSONParser.parse(body)) } }
    }

    Benchmark("json: write an OrderCreated with its envelope", configuration: .init(scalingFactor: .kilo)) { benchmark in
        let event = try Samples.orderCreated()
        benchmark.measure { for number in benchmark.scaledIterations { blackHole(Samples.envelope(of: event, number: number)) } }
    }

    Benchmark("json: decode an OrderCreated with its envelope", configuration: .init(scalingFactor: .kilo)) { benchmark in
        let body = Samples.envelope(of: try Samples.orderCreated(), number: 1).body
        let registry = EventCatalog.registry
        try benchmark.measure { for _ in benchmark.scaledIterations { blackHole(try Envelope(body: body, registry: registry)) } }
    }
}
