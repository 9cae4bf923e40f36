import CoreMetrics
import Logging
import Observability

/// Logs and metrics of a process; set up once, before anything logs or counts.
public enum Observing {
    /// JSON lines on standard error and a Prometheus registry.
    /// - Returns: the registry that `/metrics` renders.
    public static func start(level: Logger.Level) -> PrometheusRegistry {
        LoggingSystem.bootstrap { JSONLogHandler(label: $0, logLevel: level) }
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        ProcessMetrics.register(in: registry)
        return registry
    }
}
