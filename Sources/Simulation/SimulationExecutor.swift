import DequeModule

/// Runs all tasks of a simulation on the thread that calls ``drain()``, in the order in which they became ready: nothing else decides what comes next.
final class SimulationExecutor: TaskExecutor, @unchecked Sendable {
    /// Touched by the one thread of the simulation only: everything that makes a task ready happens on it.
    private var ready: Deque<UnownedJob> = []

    func enqueue(_ job: consuming ExecutorJob) { ready.append(UnownedJob(job)) }

    /// Runs until no task can go on by itself.
    func drain() {
        while let job = ready.popFirst() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Begins a task.
    func start(_ body: @escaping @Sendable () async -> Void) { Task(executorPreference: self, operation: body) }
}
