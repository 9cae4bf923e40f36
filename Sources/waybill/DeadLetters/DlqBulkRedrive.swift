import WaybillClient
import Wire

/// A redrive of many dead letters, watched to its end.
struct DlqBulkRedrive: Sendable {
    let selection: DeadLetterSelection
    let rate: Int
    let stopAfter: Int
    let actor: String?
    let isDryRun: Bool
    let isConfirmed: Bool
    let isJSON: Bool
    /// How often the progress is asked for.
    var interval: Duration = .milliseconds(200)
    /// Asks before it begins.
    var confirm: @Sendable (String) throws -> Void = { try Confirmation.ask($0) }

    /// - Returns: whether all of them are applied.
    func callAsFunction(_ api: WaybillAPI) async throws -> Bool {
        let preview = try await api.previewRedrive(selection, rate: rate)
        let total = preview["total"]?.integer ?? 0
        if isDryRun {
            if isJSON { Output.json(preview) } else { DlqText.showGroups(preview["groups"]?.array ?? []) }
            return true
        }
        guard total > 0 else {
            if isJSON { Output.json(preview) } else { Output.note("No such dead letters.") }
            return true
        }
        if !isConfirmed {
            if !isJSON { DlqText.showGroups(preview["groups"]?.array ?? []) }
            try confirm("Redrive \(total == 1 ? "this dead letter" : "these \(total) dead letters")?")
        }
        let run = try await watch(try await api.startRedrive(selection, rate: rate, stopAfter: stopAfter, actor: actor), api)
        if isJSON { Output.json(run.json) } else { DlqText.show(run: run) }
        return run.state == "finished" && run.failed == 0 && run.skipped == 0
    }

    private func watch(_ started: DeadLetterRunView, _ api: WaybillAPI) async throws -> DeadLetterRunView {
        let bar = ProgressBar("redriving", unit: "events", total: Int(started.total), mode: .suited(isSilent: isJSON))
        defer { bar.finish() }
        var run = started
        while true {
            bar.advance(by: Int(run.redriven + run.failed + run.skipped) - bar.done)
            guard run.state == "running" else { return run }
            try await Task.sleep(for: interval)
            run = try await api.redriveRun(run.id)
        }
    }
}
