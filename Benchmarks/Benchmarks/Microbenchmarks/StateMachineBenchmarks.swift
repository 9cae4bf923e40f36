import Benchmark
import Inventory
import Orders
import Payments

func registerStateMachines() {
    Benchmark("state machine: an order from CREATED to DELIVERED, 4 inputs", configuration: .init(scalingFactor: .mega)) { benchmark in
        let inputs: [OrderState.Input] = [.stockReserved, .paymentProcessed, .ship, .deliver]
        benchmark.measure {
            for _ in benchmark.scaledIterations {
                var order = OrderState(status: .created, version: 1)
                for input in inputs { blackHole(order.apply(input)) }
                blackHole(order)
            }
        }
    }

    Benchmark("state machine: a payment cancelled while charging, 4 inputs", configuration: .init(scalingFactor: .mega)) { benchmark in
        let inputs: [PaymentState.Input] = [.due, .cancellation, .captureConfirmed, .refundConfirmed]
        benchmark.measure {
            for _ in benchmark.scaledIterations {
                var payment = PaymentState.none
                for input in inputs { blackHole(payment.apply(input)) }
                blackHole(payment)
            }
        }
    }

    Benchmark("state machine: a reservation held and released, 2 inputs", configuration: .init(scalingFactor: .mega)) { benchmark in
        let inputs: [ReservationState.Input] = [.requestCovered, .cancellation]
        benchmark.measure {
            for _ in benchmark.scaledIterations {
                var reservation = ReservationState.none
                for input in inputs { blackHole(reservation.apply(input)) }
                blackHole(reservation)
            }
        }
    }
}
