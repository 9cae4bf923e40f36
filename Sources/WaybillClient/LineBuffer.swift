import NIOCore
import Synchronization

/// The lines between a connection, which puts them in, and one reader, who takes them out. Bounded by not reading from the network.
final class LineBuffer: Sendable {
    private struct State {
        var lines = CircularBuffer<String>()
        var reader: CheckedContinuation<String?, any Error>?
        var ending: Result<String?, any Error>?
        var channel: (any Channel)?
        var isPaused = false
        var onEnd: (@Sendable () -> Void)?
    }

    /// More lines than this, and the connection is no longer read.
    static let highWater = 256
    /// Fewer, and it is read again.
    static let lowWater = 64

    private let state = Mutex(State())

    /// Sets what is called once when the stream has ended, from any thread.
    func onEnd(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.onEnd = action } }

    /// Gives the buffer the connection that it may pause and close. False if the reader has gone meanwhile.
    ///
    /// The first lines may have come, and have been taken, before the connection is known here: then it is read on now.
    func attach(_ channel: any Channel) -> Bool {
        let (isWanted, isStarved) = state.withLock { state in
            guard state.ending == nil else { return (false, false) }
            state.channel = channel
            let isStarved = state.isPaused && state.lines.count < Self.lowWater
            if isStarved { state.isPaused = false }
            return (true, isStarved)
        }
        if isStarved { channel.read() }
        return isWanted
    }

    /// Adds lines. False if the connection should not be read until the buffer asks for it.
    func add(_ lines: [String]) -> Bool {
        let (reader, line, wantsMore) = state.withLock { state in
            if state.ending == nil { state.lines.append(contentsOf: lines) }
            var reader: CheckedContinuation<String?, any Error>?
            var line: String?
            if state.reader != nil, !state.lines.isEmpty {
                reader = state.reader.take()
                line = state.lines.popFirst()
            }
            state.isPaused = state.lines.count > Self.highWater
            return (reader, line, !state.isPaused)
        }
        reader?.resume(returning: line)
        return wantsMore
    }

    /// Ends the stream: after the lines that are there, or at once if it failed. Later calls do nothing.
    func end(_ result: Result<Void, any Error>) {
        let (reader, ending, channel, onEnd) = state.withLock { state in
            var reader: CheckedContinuation<String?, any Error>?
            let ending = state.ending ?? result.map { nil }
            if state.ending == nil {
                state.ending = ending
                // Lines that came before the end are still delivered, unless the reader itself has gone.
                if case .failure(is CancellationError) = ending { state.lines.removeAll() }
                reader = state.reader.take()
            }
            return (reader, ending, state.channel.take(), state.onEnd.take())
        }
        reader?.resume(with: ending)
        channel?.close(promise: nil)
        onEnd?()
    }

    /// Takes the next line, waiting for it; nil at the end. One caller at a time: a second one is refused.
    func next() async throws -> String? {
        try await withCheckedThrowingContinuation { continuation in
            let (result, paused) = state.withLock { state -> (Result<String?, any Error>?, (any Channel)?) in
                if let line = state.lines.popFirst() {
                    let resumes = state.isPaused && state.channel != nil && state.lines.count < Self.lowWater
                    if resumes { state.isPaused = false }
                    return (.success(line), resumes ? state.channel : nil)
                }
                if let ending = state.ending { return (ending, nil) }
                if state.reader != nil { return (.failure(ClientError.invalidRequest("two tasks read one stream")), nil) }
                state.reader = continuation
                return (nil, nil)
            }
            paused?.read()
            if let result { continuation.resume(with: result) }
        }
    }
}
