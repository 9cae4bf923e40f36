import CCurl
import NIOCore

/// The transfers of one thread, and what happens to them. Nobody else may touch it.
final class TransferEngine {
    /// A turn takes no longer than this where nothing happens.
    private static let longestWait: TimeAmount = .seconds(60)

    private let multi: MultiHandle
    private let owner: TransferThread
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]
    /// Handles to be used again, at most as many as there were transfers at once.
    private var spare: [UnsafeMutableRawPointer] = []

    init(_ multi: MultiHandle, owner: TransferThread) { (self.multi, self.owner) = (multi, owner) }

    func obey(_ command: TransferThread.Command) {
        switch command {
        case .carry(let exchange, let place): carry(exchange, in: place, afresh: false)
        case .open(let call, let stream):
            guard call.sink.attach(stream) else { return }
            start(Transfer(.stream(call, stream), deadline: .now() + TimeAmount(call.timeout)))
        case .abandon(let exchange): if let transfer = transfer(of: exchange) { finish(transfer, .failure(CancellationError())) }
        case .readOn(let stream): transfer(of: stream)?.readOn()
        case .close(let stream): if let transfer = transfer(of: stream) { finish(transfer, .failure(CancellationError())) }
        }
    }

    /// Does what can be done, and waits for more to do.
    func turn(waitingUntil sweep: NIODeadline?) {
        multi.perform()
        while let (handle, code) = multi.nextDone() {
            if let transfer = running[handle] { conclude(transfer, code) }
        }
        let now = NIODeadline.now()
        for transfer in running.values where transfer.deadline.map({ $0 <= now }) ?? false { finish(transfer, .failure(transfer.lateness)) }
        let deadlines = running.values.compactMap(\.deadline) + [sweep].compactMap(\.self)
        let wait = min(deadlines.min().map { $0 - now } ?? TransferEngine.longestWait, TransferEngine.longestWait)
        // Rounded up: a turn before the time would find nothing to do.
        multi.wait(milliseconds: Int32(clamping: max(0, wait.nanoseconds / 1_000_000 + 1)))
    }

    /// Ends everything.
    func giveUp() {
        for transfer in running.values { finish(transfer, .failure(ClientError.shutDown)) }
        for handle in spare { curl_easy_cleanup(handle) }
        spare = []
    }

    private func transfer(of exchange: Exchange) -> Transfer? { running.values.first { $0.exchange === exchange } }
    private func transfer(of stream: StreamTransfer) -> Transfer? { running.values.first { $0.stream === stream } }

    private func carry(_ exchange: Exchange, in place: TransferPlace, afresh: Bool) {
        guard exchange.assign(owner) else { return owner.free(place) }
        start(Transfer(.exchange(exchange, place), deadline: exchange.deadline, afresh: afresh))
    }

    private func start(_ transfer: Transfer) {
        guard let handle = spare.popLast() ?? curl_easy_init() else { return end(transfer, .failure(Transfer.unusable(owner.settings.base))) }
        running[handle] = transfer
        guard transfer.prepare(handle, owner.settings), curl_multi_add_handle(multi.pointer, handle) == CURLM_OK else {
            return finish(transfer, .failure(Transfer.unusable(owner.settings.base)))
        }
    }

    private func conclude(_ transfer: Transfer, _ code: CURLcode) {
        guard code != CURLE_OK else { return finish(transfer, transfer.outcome) }
        let failure = transfer.failure(code, owner.settings)
        // libcurl repeats a request itself when a kept connection turns out closed, but gives up when one after the other does.
        if case .exchange(let exchange, let place) = transfer.purpose, transfer.wasOnKeptConnectionsOnly, failure as? ClientError == .connectionClosed,
            exchange.claimRepetition()
        {
            drop(transfer)
            return carry(exchange, in: place, afresh: true)
        }
        finish(transfer, .failure(failure))
    }

    /// Ends a transfer. A failure is told before the connection is given up, which may take a while when a name is still being looked up; an answer after its place
    /// is free, so that whoever got it finds room.
    private func finish(_ transfer: Transfer, _ outcome: Transfer.Outcome) {
        if case .failure = outcome {
            end(transfer, outcome, freesPlace: false)
            drop(transfer)
            if case .exchange(_, let place) = transfer.purpose { owner.free(place) }
        } else {
            drop(transfer)
            end(transfer, outcome)
        }
    }

    private func end(_ transfer: Transfer, _ outcome: Transfer.Outcome, freesPlace: Bool = true) {
        switch transfer.purpose {
        case .exchange(let exchange, let place):
            if freesPlace { owner.free(place) }
            exchange.end(outcome.flatMap { response in response.map { .success($0) } ?? .failure(ClientError.connectionClosed) })
        case .stream(let call, _):
            switch outcome {
            case .success: call.sink.complete()
            case .failure(let error): call.sink.fail(error)
            }
        }
    }

    /// Takes a transfer's handle back.
    private func drop(_ transfer: Transfer) {
        guard let handle = transfer.handle, running.removeValue(forKey: handle) != nil else { return }
        _ = curl_multi_remove_handle(multi.pointer, handle)
        // What was set points into the transfer, which goes now.
        curl_easy_reset(handle)
        spare.append(handle)
    }
}
