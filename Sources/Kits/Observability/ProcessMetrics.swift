import Glibc

/// What the kernel says about this process, under the names that every Prometheus client uses (so that common dashboards work).
///
/// A value that cannot be read shows as NaN rather than as a false 0.
public enum ProcessMetrics {
    /// Registers the metrics; they are read at each scrape.
    ///
    /// - Parameter registry: Where they are rendered.
    public static func register(in registry: PrometheusRegistry) {
        let start = startTimeSeconds()
        registry.registerCounter(name: "process_cpu_seconds_total", help: "CPU time spent in user and system mode, in seconds.") { cpuSeconds() }
        registry.registerGauge(name: "process_resident_memory_bytes", help: "Memory in RAM, in bytes.") { memoryBytes(field: 1) }
        registry.registerGauge(name: "process_virtual_memory_bytes", help: "Address space in use, in bytes.") { memoryBytes(field: 0) }
        registry.registerGauge(name: "process_open_fds", help: "Open file descriptors.") { openFileDescriptors() }
        registry.registerGauge(name: "process_max_fds", help: "The most file descriptors this process may open.") { maximumFileDescriptors() }
        registry.registerGauge(name: "process_start_time_seconds", help: "When the process started, in seconds since 1970.") { start }
    }

    /// User and system time so far, in seconds, to the microsecond.
    public static func cpuSeconds() -> Double {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return .nan }
        let microseconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1_000_000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(microseconds) / 1_000_000
    }

    /// Memory in RAM now, in bytes.
    public static func residentMemoryBytes() -> Double { memoryBytes(field: 1) }

    /// The fields of statm count pages.
    private static func memoryBytes(field: Int) -> Double {
        let fields = contents(of: "/proc/self/statm").split(separator: " ")
        guard field < fields.count, let pages = Double(fields[field]) else { return .nan }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func openFileDescriptors() -> Double {
        guard let directory = opendir("/proc/self/fd") else { return .nan }
        defer { closedir(directory) }
        var entries = 0
        while readdir(directory) != nil { entries += 1 }
        // Not counted: ".", ".." and the descriptor that reads the directory.
        return Double(max(0, entries - 3))
    }

    private static func maximumFileDescriptors() -> Double {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .nan }
        return limit.rlim_cur == .max ? .infinity : Double(limit.rlim_cur)
    }

    /// Field 22 of stat: clock ticks from boot to the start. The name in field 2 may hold blanks, so fields are counted after its bracket.
    private static func startTimeSeconds() -> Double {
        let stat = contents(of: "/proc/self/stat")
        let boot = contents(of: "/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }?.dropFirst(6)
        guard let bracket = stat.lastIndex(of: ")"), let boot, let bootSeconds = Double(boot) else { return .nan }
        let fields = stat[stat.index(after: bracket)...].split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return .nan }
        return bootSeconds + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Files of /proc have no size, hence the loop. Empty if the file cannot be read.
    private static func contents(of path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }
}
