import NIOCore
import Synchronization

/// What a ``StreamBuffer`` holds.
protocol StreamPiece: Sendable {
    /// What it counts for.
    var weight: Int { get }
    /// More than this, and the connection is no longer read.
    static var highWater: Int { get }
    /// Less, and it is read again.
    static var lowWater: Int { get }
}

/// A line of a text stream.
extension String: StreamPiece {
    var weight: Int { 1 }
    static var highWater: Int { 256 }
    static var lowWater: Int { 64 }
}

/// Bytes as they came from the network.
extension [UInt8]: StreamPiece {
    var weight: Int { count }
    static var highWater: Int { 256 << 10 }
    static var lowWater: Int { 64 << 10 }
}

typealias LineBuffer = StreamBuffer<String>
typealias PieceBuffer = StreamBuffer<[UInt8]>

/// A stream that the client can end.
protocol OpenStream: AnyObject, Sendable {
    func end(_ result: Result<Void, any Error>)
    func onEnd(_ action: @escaping @Sendable () -> Void)
}

/// What brings a stream's bytes, and can be held up by not being asked for more. May be used from any thread.
protocol StreamCarrier: Sendable {
    /// Reads on after a pause.
    func read()
    func close()
}

/// What is between a connection, which puts pieces in, and one reader, who takes them out. Bounded by not reading from the network.
final class StreamBuffer<Piece: StreamPiece>: OpenStream {
    private struct State {
        var pieces = CircularBuffer<Piece>()
        var weight = 0
        var reader: CheckedContinuation<Piece?, any Error>?
        var ending: Result<Piece?, any Error>?
        var carrier: (any StreamCarrier)?
        var isPaused = false
        var onEnd: [@Sendable () -> Void] = []

        mutating func take() -> Piece? {
            guard let piece = pieces.popFirst() else { return nil }
            weight -= piece.weight
            return piece
        }
    }

    static var highWater: Int { Piece.highWater }
    static var lowWater: Int { Piece.lowWater }

    private let state = Mutex(State())

    /// Adds what is called once when the stream has ended, from any thread; at once if it has.
    func onEnd(_ action: @escaping @Sendable () -> Void) {
        let isEnded = state.withLock { state in
            if state.ending == nil { state.onEnd.append(action) }
            return state.ending != nil
        }
        if isEnded { action() }
    }

    /// Gives the buffer the connection that it may pause and close. False if the reader has gone meanwhile.
    ///
    /// The first pieces may have come, and have been taken, before the connection is known here: then it is read on now.
    func attach(_ carrier: any StreamCarrier) -> Bool {
        let (isWanted, isStarved) = state.withLock { state in
            guard state.ending == nil else { return (false, false) }
            state.carrier = carrier
            let isStarved = state.isPaused && state.weight < Self.lowWater
            if isStarved { state.isPaused = false }
            return (true, isStarved)
        }
        if isStarved { carrier.read() }
        return isWanted
    }

    /// Adds pieces. False if the connection should not be read until the buffer asks for it.
    func add(_ pieces: [Piece]) -> Bool {
        let (reader, piece, wantsMore) = state.withLock { state in
            if state.ending == nil {
                state.pieces.append(contentsOf: pieces)
                for piece in pieces { state.weight += piece.weight }
            }
            var reader: CheckedContinuation<Piece?, any Error>?
            var piece: Piece?
            if state.reader != nil, !state.pieces.isEmpty {
                reader = state.reader.take()
                piece = state.take()
            }
            state.isPaused = state.weight > Self.highWater
            return (reader, piece, !state.isPaused)
        }
        reader?.resume(returning: piece)
        return wantsMore
    }

    /// Ends the stream: after the pieces that are there, or at once if it failed. Later calls do nothing.
    func end(_ result: Result<Void, any Error>) {
        let (reader, ending, carrier, onEnd) = state.withLock { state in
            var reader: CheckedContinuation<Piece?, any Error>?
            let ending = state.ending ?? result.map { nil }
            if state.ending == nil {
                state.ending = ending
                // Pieces that came before the end are still delivered, unless the reader itself has gone.
                if case .failure(is CancellationError) = ending {
                    state.pieces.removeAll()
                    state.weight = 0
                }
                reader = state.reader.take()
            }
            defer { state.onEnd = [] }
            return (reader, ending, state.carrier.take(), state.onEnd)
        }
        reader?.resume(with: ending)
        carrier?.close()
        for action in onEnd { action() }
    }

    /// Takes the next piece, waiting for it; nil at the end. One caller at a time: a second one is refused.
    func next() async throws -> Piece? {
        try await withCheckedThrowingContinuation { continuation in
            let (result, paused) = state.withLock { state -> (Result<Piece?, any Error>?, (any StreamCarrier)?) in
                if let piece = state.take() {
                    let resumes = state.isPaused && state.carrier != nil && state.weight < Self.lowWater
                    if resumes { state.isPaused = false }
                    return (.success(piece), resumes ? state.carrier : nil)
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
