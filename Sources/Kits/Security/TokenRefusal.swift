/// Why a token does not hold.
public enum TokenRefusal: Error, Equatable, Sendable {
    /// Beyond 8 KiB.
    case tooLong
    /// Not three parts of base64url with JSON in the first two, or JSON that readers disagree about.
    case malformed
    /// The header asks for what is not understood (`crit`), or says that this is no access token (`typ`).
    case unsupportedHeader
    /// An algorithm that is not supported: `none`, for instance.
    case unsupportedAlgorithm
    /// No such key; nobody's key is taken instead.
    case unknownKey
    /// Nobody could be asked yet which keys there are: the token may hold.
    case keysUnavailable
    /// The key signs in another way than the token says.
    case wrongAlgorithm
    case badSignature
    case expired
    /// Its issuer has taken it back.
    case revoked
    case notYetValid
    case wrongIssuer
    case wrongAudience
    /// A claim that must be there is not.
    case missing(String)
    /// A claim is of the wrong type, or has an absurd value.
    case invalid(String)

    /// The reason for people, without quotation marks and without any part of the token.
    public var words: String {
        switch self {
        case .tooLong: "it is longer than 8 KiB"
        case .malformed: "it is not a signed token in compact form"
        case .unsupportedHeader: "its header is not that of an access token"
        case .unsupportedAlgorithm: "its algorithm is not supported"
        case .unknownKey: "its key is not known"
        case .keysUnavailable: "the keys of its issuer cannot be had now"
        case .wrongAlgorithm: "its algorithm is not that of its key"
        case .badSignature: "its signature does not hold"
        case .expired: "it has expired"
        case .revoked: "it was revoked"
        case .notYetValid: "it is not valid yet"
        case .wrongIssuer: "its issuer is not trusted"
        case .wrongAudience: "it is meant for somebody else"
        case .missing(let claim): "its claim \(claim) is missing"
        case .invalid(let claim): "its claim \(claim) is not valid"
        }
    }
}
