import Foundation

/// A database file that only its owner may read, because there are keys in it. SQLite gives the files beside it (`-wal`, `-shm`) the same rights.
enum PrivateFile {
    private static let rights: mode_t = 0o600

    /// Makes the file if it is not there, and takes others' rights to it away.
    ///
    /// A file that is there is not opened: closing it would give up the locks that this process may have on it (POSIX, `fcntl`).
    /// - Throws: ``PlatformError``.
    static func prepare(_ path: String) throws {
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, rights)
        if file >= 0 {
            close(file)
            return
        }
        guard errno == EEXIST else { throw PlatformError("cannot make \(path): \(String(cString: strerror(errno)))") }
        var info = stat()
        // Its group may have been let in on purpose; everybody has not.
        if stat(path, &info) == 0, info.st_mode & 0o007 != 0 { _ = chmod(path, info.st_mode & 0o770) }
    }
}
