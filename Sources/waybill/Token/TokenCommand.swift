import ArgumentParser
import Foundation
import Logging
import Platform
import Wire

/// `waybill token`.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make a token for a platform of this machine, signed with the keys in its database.",
        discussion: """
            No password is asked for: whoever may read the platform's database may do everything there anyway. The platform may be running, or not yet have been
            started. The token alone goes to standard output.

            Roles: \(IdentityProvider.knownRoles.joined(separator: ", ")). docs/access.md says what each may do.

            Examples:
              TOKEN=$(waybill token --role customer --subject alice)
              curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/api/v1/orders
              waybill token --role support --subject bob --scope orders:read --expires 8h
              waybill token --role admin --subject ops --config deploy/config/split-kafka.yaml
            """)

    @Option(help: "What the bearer is. May be repeated.")
    var role: [String]

    @Option(help: "Who he is; of a customer the customerId of his orders.")
    var subject: String

    @Option(help: "Bind the token to a scope, such as orders:read. May be repeated. Without it all that the roles allow.")
    var scope: [String] = []

    @Option(help: "How long the token is good: 90s, 30m, 1h, 1d; at most a day.")
    var expires: DurationArgument = DurationArgument(seconds: 3600)

    @Option(help: "The platform's data folder. [WAYBILL_DATA, ./data]")
    var data: String?

    @Option(help: "The platform's YAML file. [WAYBILL_CONFIG, ./waybill.yaml where there is one]")
    var config: String?

    @Flag(help: "Print JSON for programs instead of the token alone.")
    var json = false

    func validate() throws {
        if data == "" || config == "" { throw ValidationError("--data and --config must not be empty.") }
        guard expires.seconds <= 86_400 else { throw ValidationError("--expires: a token is good for a day at most.") }
    }

    func run() async throws {
        let configuration = try configuration(environment: ProcessInfo.processInfo.environment)
        // What is wrong is told at the end; what engines log meanwhile would only stand in between.
        _ = Observing.start(level: .critical)
        let wish = LocalToken(subject: subject, roles: role, scopes: scope.isEmpty ? nil : scope, lifetime: expires.duration)
        let token: String
        do { token = try await LocalTokens.token(wish, configuration) } catch {
            Output.note("waybill: \(error)")
            throw ExitCode.failure
        }
        guard json else { return Output.line(token) }
        Output.json(
            JSONWriter.object { json in
                json.member("token", token)
                json.member("subject", subject)
                json.key("roles")
                json.array(role) { $0.string($1) }
                json.member("expiresInSeconds", expires.seconds)
            })
    }

    /// What `waybill serve` would work with.
    private func configuration(environment: [String: String]) throws -> PlatformConfiguration {
        do {
            let settings = try Settings(path: config, flags: data.map { ["data": $0] } ?? [:], environment: environment)
            let mistakes = settings.engineMistakes(withBroker: false)
            guard mistakes.isEmpty else { throw SettingsError(mistakes) }
            return settings.platform()
        } catch let error as SettingsError { throw ValidationError(error.description) }
    }
}
