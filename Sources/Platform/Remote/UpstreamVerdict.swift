import Resilience
import WaybillClient

/// What one attempt at a request shows: of the instance, of the service as a whole, and of whether the request may be made again.
///
/// | what came | the instance | the service | again |
/// | --- | --- | --- | --- |
/// | a status below 500, 501, 505 ... | well | answers | no |
/// | 500 | failed: this is about the request more often than not, so it takes several in a row to eject it | answers | no |
/// | 502, 504 | failed | fails | if repeatable |
/// | 503 | busy: it refuses what is too much, quickly and on purpose | answers | if repeatable |
/// | no connection, or none in time | failed | fails | always: nothing was sent |
/// | a connection that closed, no answer in time | failed | fails | if repeatable |
/// | no answer within a time that the caller had cut short | nothing | nothing | no |
/// | an answer that is too large or not HTTP | failed | fails | no |
/// | more requests wait for the instance than may | busy | nothing | always |
struct UpstreamVerdict: Equatable {
    enum Service: Equatable {
        case answers
        case fails
        case unknown
    }
    enum Repetition: Equatable {
        case never
        /// Where doing it twice does what once does.
        case ifRepeatable
        /// Nothing was sent.
        case always
    }

    let instance: InstanceBalancer.Outcome
    let service: Service
    let repetition: Repetition

    /// - Parameter hadFullTime: whether the attempt had the time that the service is given, not only what was left of the caller's.
    init(status: Int, hadFullTime: Bool) {
        switch status {
        case 500: self.init(.failure, .answers, .never)
        case 502: self.init(.failure, .fails, .ifRepeatable)
        case 503: self.init(.busy, .answers, .ifRepeatable)
        case 504: if hadFullTime { self.init(.failure, .fails, .ifRepeatable) } else { self.init(.unknown, .unknown, .never) }
        default: self.init(.success, .answers, .never)
        }
    }

    init(error: ClientError, hadFullTime: Bool) {
        switch error {
        case .cannotConnect, .notSecure: self.init(.failure, .fails, .always)
        case .timedOut(.connection, _): if hadFullTime { self.init(.failure, .fails, .always) } else { self.init(.unknown, .unknown, .always) }
        case .timedOut(.response, _): if hadFullTime { self.init(.failure, .fails, .ifRepeatable) } else { self.init(.unknown, .unknown, .never) }
        case .connectionClosed: self.init(.failure, .fails, .ifRepeatable)
        case .tooManyWaiting: self.init(.busy, .unknown, .always)
        case .malformedResponse, .tooLarge: self.init(.failure, .fails, .never)
        case .invalidURL, .invalidRequest, .unexpectedStatus, .shutDown: self.init(.unknown, .unknown, .never)
        }
    }

    private init(_ instance: InstanceBalancer.Outcome, _ service: Service, _ repetition: Repetition) {
        (self.instance, self.service, self.repetition) = (instance, service, repetition)
    }
}

/// Why there is no answer.
enum UpstreamFailure: Error, Equatable {
    /// The circuit breaker is open: nothing was sent.
    case open(retryAfterSeconds: Int)
    /// The caller's time was over before anything was sent.
    case deadlinePassed
    /// Nothing was sent, or nothing arrived.
    case unreachable(String)
    /// It was sent, and no answer came: it may have been done. In time, or because the connection was lost.
    case unanswered(String, isTimeout: Bool)
    /// It was answered, and the answer cannot be read.
    case unreadable(String)
    /// It cannot be sent as HTTP.
    case invalid(String)
    /// This process is stopping.
    case stopping

    init(_ error: ClientError) {
        switch error {
        case .cannotConnect, .notSecure, .timedOut(.connection, _), .tooManyWaiting: self = .unreachable("\(error)")
        case .timedOut(.response, _): self = .unanswered("\(error)", isTimeout: true)
        case .connectionClosed: self = .unanswered("\(error)", isTimeout: false)
        case .tooLarge, .malformedResponse, .unexpectedStatus: self = .unreadable("\(error)")
        case .invalidURL, .invalidRequest: self = .invalid("\(error)")
        case .shutDown: self = .stopping
        }
    }
}
