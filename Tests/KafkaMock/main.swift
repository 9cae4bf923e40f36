import CKafka
import Glibc

// A Kafka cluster in one process, from librdkafka's mock: real sockets on loopback, so that other processes and other clients can use it. It keeps its topics in
// memory, and of each partition only the newest five mebibytes as they were sent (compressed): whoever falls further behind loses messages, as with a real
// broker's retention.

let usage = """
    usage: kafka-mock [--brokers N] [--topic NAME:PARTITIONS]... [--forever]

    Starts a mock cluster, prints bootstrap=HOST:PORT,... and stays until its standard input ends, or until SIGTERM with --forever.
    Topics that nobody has made are made with 4 partitions when somebody asks for them.

    Commands on standard input, each answered with a line "ok" or "error: ...":
      topic NAME PARTITIONS     makes a topic
      down [BROKER]             takes one broker or all away: connections end, new ones are refused
      up [BROKER]               gives them back
      delay MILLISECONDS        lets every answer of all brokers take so long
      errors API CODE...        the next requests of this protocol number fail with these codes, one each; -195 drops the connection
      quit
    """

func fail(_ words: String) -> Never {
    write("kafka-mock: \(words)\n\(usage)\n", to: STDERR_FILENO)
    exit(2)
}

func answer(_ words: String) { write(words + "\n", to: STDOUT_FILENO) }

/// Past the C library's buffer: whoever reads a pipe is to have each line at once.
func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
}

struct Options {
    var brokers: Int32 = 3
    var topics: [(name: String, partitions: Int32)] = []
    var staysForever = false

    init(_ arguments: [String]) {
        var arguments = arguments[...]
        while let argument = arguments.popFirst() {
            switch argument {
            case "--brokers":
                guard let count = arguments.popFirst().flatMap({ Int32($0) }), (1...16).contains(count) else { fail("--brokers needs a number from 1 to 16") }
                brokers = count
            case "--topic":
                let parts = arguments.popFirst()?.split(separator: ":") ?? []
                guard parts.count == 2, let count = Int32(parts[1]), count > 0 else { fail("--topic needs NAME:PARTITIONS") }
                topics.append((String(parts[0]), count))
            case "--forever": staysForever = true
            case "--help", "-h":
                print(usage)
                exit(0)
            default: fail("what is \(argument)?")
            }
        }
    }
}

/// Does what one line asks for.
func perform(_ words: [Substring], on cluster: OpaquePointer) -> rd_kafka_resp_err_t {
    let numbers = words.dropFirst().compactMap { Int32($0) }
    switch (words.first ?? "", words.count) {
    case ("topic", 3) where numbers.count == 1: return rd_kafka_mock_topic_create(cluster, String(words[1]), numbers[0], 1)
    case ("down", 1...2): return rd_kafka_mock_broker_set_down(cluster, numbers.first ?? -1)
    case ("up", 1...2): return rd_kafka_mock_broker_set_up(cluster, numbers.first ?? -1)
    case ("delay", 2) where numbers.count == 1: return rd_kafka_mock_broker_set_rtt(cluster, -1, numbers[0])
    case ("errors", 3...) where numbers.count == words.count - 1:
        let codes = numbers.dropFirst().map { rd_kafka_resp_err_t(rawValue: $0) }
        rd_kafka_mock_push_request_errors_array(cluster, Int16(truncatingIfNeeded: numbers[0]), codes.count, codes)
        return RD_KAFKA_RESP_ERR_NO_ERROR
    default: return RD_KAFKA_RESP_ERR__INVALID_ARG
    }
}

let options = Options(Array(CommandLine.arguments.dropFirst()))
var text = [CChar](repeating: 0, count: 512)
let configuration = rd_kafka_conf_new()
rd_kafka_conf_set(configuration, "client.id", "kafka-mock", &text, text.count)
guard let owner = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, &text, text.count), let cluster = rd_kafka_mock_cluster_new(owner, options.brokers) else {
    fail("the cluster cannot be made")
}
for topic in options.topics { rd_kafka_mock_topic_create(cluster, topic.name, topic.partitions, min(3, options.brokers)) }
answer("bootstrap=\(rd_kafka_mock_cluster_bootstraps(cluster).map { String(cString: $0) } ?? "")")

while let line = readLine() {
    let words = line.split(separator: " ")
    if words.isEmpty { continue }
    if words == ["quit"] { exit(0) }
    let error = perform(words, on: cluster)
    answer(error == RD_KAFKA_RESP_ERR_NO_ERROR ? "ok" : "error: \(rd_kafka_err2str(error).map { String(cString: $0) } ?? "")")
}
// SIGTERM ends the process by itself.
while options.staysForever { pause() }
exit(0)
