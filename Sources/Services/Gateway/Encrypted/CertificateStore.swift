#if ENGINE_TLS
    import Glibc
    import Logging
    import Messaging
    import NIOPosix
    import NIOSSL
    import ServiceLifecycle
    import Synchronization
    import Web

    /// The certificate that connections are encrypted with. New connections get the one that is in the files now; those that are open keep theirs.
    final class CertificateStore: Service, CustomStringConvertible {
        var description: String { "certificates" }

        /// A file that encryption cannot begin with, in words that name its setting.
        struct UnusableFile: Error, CustomStringConvertible {
            let description: String
            init(_ description: String) { self.description = description }
        }

        private struct State {
            var context: NIOSSLContext?
            var seen: [FileStamp?] = []
        }

        /// What a file is known by without reading it.
        private struct FileStamp: Equatable {
            let seconds, nanoseconds, size, inode: Int

            init?(_ path: String) {
                var status = stat()
                guard stat(path, &status) == 0 else { return nil }
                (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
                (size, inode) = (Int(status.st_size), Int(truncatingIfNeeded: status.st_ino))
            }
        }

        private let files: TLSFiles
        private let interval: Duration
        private let clock: any WallClock
        private let logger: Logger
        private let state = Mutex(State())

        /// - Parameter interval: how often the files are looked at.
        init(_ files: TLSFiles, interval: Duration = .seconds(5), clock: any WallClock, logger: Logger) {
            (self.files, self.interval, self.clock, self.logger) = (files, interval, clock, logger)
        }

        /// What the next connection is encrypted with; nil before ``load()``.
        var context: NIOSSLContext? { state.withLock { $0.context } }

        /// Reads the files.
        /// - Throws: ``UnusableFile`` for files that are missing, unreadable, or do not belong together.
        func load() throws(UnusableFile) {
            // Looked at before they are read: a change in between is seen the next time.
            let stamps = [FileStamp(files.certificate), FileStamp(files.key)]
            let chain: [NIOSSLCertificateSource]
            do { chain = try NIOSSLCertificate.fromPEMFile(files.certificate).map { .certificate($0) } } catch {
                throw UnusableFile("tls.certificate: \(files.certificate) is no PEM file with a certificate that can be read: \(error)")
            }
            let key: NIOSSLPrivateKey
            do { key = try NIOSSLPrivateKey(file: files.key, format: .pem) } catch {
                throw UnusableFile("tls.key: \(files.key) is no PEM file with a private key that can be read: \(error)")
            }
            var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = ["h2", "http/1.1"]
            let context: NIOSSLContext
            do { context = try NIOSSLContext(configuration: configuration) } catch {
                throw UnusableFile("tls.key: \(files.key) is not the key of \(files.certificate): \(error)")
            }
            state.withLock { $0 = State(context: context, seen: stamps) }
        }

        /// Looks at the files from time to time and reads them when they have changed. What cannot be read changes nothing: half of a new pair may be there, the
        /// other half is on its way.
        func run() async throws {
            await cancelWhenGracefulShutdown { [self] in
                while !Task.isCancelled {
                    do { try await clock.sleep(for: interval) } catch { return }
                    let stamps = [FileStamp(files.certificate), FileStamp(files.key)]
                    guard state.withLock({ $0.seen != stamps }) else { continue }
                    do {
                        try await NIOThreadPool.singleton.runIfActive { try self.load() }
                        logger.notice("the certificate was read anew", metadata: ["file": "\(files.certificate)"])
                    } catch {
                        state.withLock { $0.seen = stamps }
                        logger.error("the certificate has changed and cannot be used; the one before stays", metadata: ["error": "\(error)"])
                    }
                }
            }
        }
    }
#endif
