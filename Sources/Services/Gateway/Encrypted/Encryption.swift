import HummingbirdCore
import Logging
import Messaging
import ServiceLifecycle
import Web

/// The entry's TLS, where this build has it (`WAYBILL_ENGINES=tls`; docs/adr/0030-edge.md).
struct Encryption: Sendable {
    /// TLS was asked of a build that has none.
    struct Missing: Error, CustomStringConvertible {
        var description: String { "this build has no TLS; build it with WAYBILL_ENGINES=tls, or let a proxy in front of it do the encryption" }
    }

    #if ENGINE_TLS
        private let certificates: CertificateStore

        init(_ files: TLSFiles, clock: any WallClock, logger: Logger) { certificates = CertificateStore(files, clock: clock, logger: logger) }

        /// What must run beside the entry.
        var services: [any Service] { [certificates] }

        /// - Throws: what is wrong with the certificate or its key.
        func channel(_ plain: GatewayChannel, _ responder: @escaping HTTPChannelHandler.Responder, _ limits: EntryLimits) throws -> any ServerChildChannel {
            try certificates.load()
            return EncryptedChannel(plain, responder: responder, certificates: certificates, limits: limits)
        }
    #else
        init(_ files: TLSFiles, clock: any WallClock, logger: Logger) {}

        var services: [any Service] { [] }

        func channel(_ plain: GatewayChannel, _ responder: @escaping HTTPChannelHandler.Responder, _ limits: EntryLimits) throws -> any ServerChildChannel {
            throw Missing()
        }
    #endif
}
