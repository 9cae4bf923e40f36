import Messaging
import Observability
import Operations
import OutgoingHTTP
import Web
import Wire

extension WaybillPlatform {
    /// What webhooks need, where Operations runs here.
    func webhooks(isLocal: Bool) -> WebhookConfiguration {
        var webhooks = WebhookConfiguration()
        webhooks.policy = AddressPolicy(allowed: configuration.webhookNetworks)
        guard isLocal else { return webhooks }
        var outgoing = CurlClient.Configuration(policy: webhooks.policy)
        outgoing.userAgent = "Waybill-Webhooks"
        outgoing.threads = webhooks.maximumRunning
        webhooks.client = CurlClient(outgoing)
        return webhooks
    }

    /// Gauges of what is sent to the outside.
    func register(_ dispatcher: WebhookDispatcher) {
        registry.registerGauge(name: "waybill_webhook_running", help: "Messages to webhooks that are under way.") { Double(dispatcher.running) }
        registry.registerGauge(name: "waybill_webhook_pending", help: "Messages that wait to be sent to webhooks, counted once a minute.") {
            Double(dispatcher.pending)
        }
        registry.registerGauge(name: "waybill_webhook_oldest_pending_seconds", help: "Age of the oldest message that waits to be sent to a webhook.") {
            [clock] in
            dispatcher.oldestPending.map { Double(max(0, clock.now().milliseconds - $0.milliseconds)) / 1000 } ?? 0
        }
    }
}
