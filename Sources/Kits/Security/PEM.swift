import CCrypto

/// Keys in the text form of RFC 7468.
enum PEM {
    /// The longest text that is read: 64 KiB.
    private static let maximumLength = 65_536

    static func publicKey(_ text: String) throws(UnusableKey) -> KeyMaterial {
        let key = try read(text) { PEM_read_bio_PUBKEY($0, nil, refuse, nil) }
        defer { EVP_PKEY_free(key) }
        return try KeyMaterial(key: key)
    }

    /// - Returns: libcrypto's key, which the caller frees.
    static func privateKey(_ text: String) throws(UnusableKey) -> OpaquePointer {
        try read(text) { PEM_read_bio_PrivateKey($0, nil, refuse, nil) }
    }

    /// The first certificate of a chain.
    /// - Returns: libcrypto's certificate, which the caller frees.
    static func certificate(_ text: String) throws(UnusableKey) -> OpaquePointer { try read(text) { PEM_read_bio_X509($0, nil, refuse, nil) } }

    /// PKCS#8, unencrypted: `BEGIN PRIVATE KEY`.
    static func text(ofPrivate key: OpaquePointer) throws(UnusableKey) -> String {
        let memory = BIO_new(BIO_s_mem())
        defer { BIO_free(memory) }
        guard PEM_write_bio_PKCS8PrivateKey(memory, key, nil, nil, 0, nil, nil) == 1 else {
            LibCrypto.clearErrors()
            throw UnusableKey("it cannot be written")
        }
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(memory))
        let count = BIO_read(memory, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(max(0, count))), as: UTF8.self)
    }

    /// Encrypted keys are refused; without this libcrypto would ask the terminal for the password.
    private static let refuse: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = { _, _, _, _ in -1 }

    private static func read(_ text: String, _ body: (OpaquePointer) -> OpaquePointer?) throws(UnusableKey) -> OpaquePointer {
        var text = text
        guard text.utf8.count <= maximumLength else { throw UnusableKey("its text is too long") }
        _ = LibCrypto.shared
        let key: OpaquePointer? = text.withUTF8 { bytes in
            guard let memory = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else { return nil }
            defer { BIO_free(memory) }
            return body(memory)
        }
        guard let key else {
            LibCrypto.clearErrors()
            throw UnusableKey("its text is not unencrypted PEM of the right kind")
        }
        return key
    }
}
