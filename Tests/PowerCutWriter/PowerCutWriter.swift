import Foundation
import Storage
import StorageSQLite

/// Commits numbered rows through the product's database until it is killed, and prints each number once its commit was acknowledged: the victim of
/// `scripts/power-cut`.
///
///     power-cut-writer FILE FULL|NORMAL
@main
struct PowerCutWriter {
    private static let create = Migration(
        version: 1, name: "numbers", statements: ["CREATE TABLE numbers (number {int} PRIMARY KEY, payload {text} NOT NULL) {clustered}"])
    private static let insert = SQL("INSERT INTO numbers (number, payload) VALUES ($1, $2)")
    /// About as much as a small order.
    private static let payload = String(repeating: "x", count: 400)
    private static let callers = 8

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, ["FULL", "NORMAL"].contains(arguments[2]) else {
            FileHandle.standardError.write(Data("usage: power-cut-writer FILE FULL|NORMAL\n".utf8))
            exit(2)
        }
        var configuration = SQLiteDatabase.Configuration()
        configuration.synchronous = arguments[2]
        // Whatever was acknowledged was printed; a medium that fails after the cut ends the writer as it ends the platform.
        configuration.onBroken = { _ in exit(3) }
        let database = try SQLiteDatabase(name: "numbers", path: arguments[1], configuration: configuration)
        try await database.migrate([create], owner: "numbers")
        await withDiscardingTaskGroup { group in
            for caller in 0..<callers {
                group.addTask {
                    var number = caller
                    while await commit(number, to: database) { number += callers }
                }
            }
        }
    }

    /// Writes one row and, once it is acknowledged, says so in one piece, unbuffered.
    private static func commit(_ number: Int, to database: SQLiteDatabase) async -> Bool {
        do {
            try await database.write { try $0.execute(insert, each: [[.integer(Int64(number)), .text(payload)]]) }
        } catch { return false }
        var line = "\(number)\n"
        return line.withUTF8 { write(STDOUT_FILENO, $0.baseAddress, $0.count) == $0.count }
    }
}
