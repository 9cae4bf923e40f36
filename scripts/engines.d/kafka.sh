# shellcheck shell=bash disable=SC2154
# Kafka for scripts/engines: librdkafka's mock cluster in a process of its own (Tests/KafkaMock), at a port that it chooses. It keeps nothing when it stops, and of
# each partition the newest five mebibytes. It makes the topics in WAYBILL_KAFKA_MOCK_TOPICS ("orders:12 stock:12") at once, others with 4 partitions when somebody
# asks for them. A real cluster takes its place where WAYBILL_TEST_KAFKA names one.

# The newer of the binaries that are built.
kafka_program() {
    local newest='' candidate
    for candidate in "$here"/../.build/{release,debug}/kafka-mock; do
        if [[ -x $candidate && (-z $newest || $candidate -nt $newest) ]]; then newest=$candidate; fi
    done
    [[ -n $newest ]] || stop "kafka-mock is not built: WAYBILL_ENGINES=kafka swift build --product kafka-mock"
    echo "$newest"
}

start_kafka() {
    local program topic arguments=(--forever --brokers "${WAYBILL_KAFKA_MOCK_BROKERS:-1}")
    if [[ -n ${WAYBILL_TEST_KAFKA:-} ]]; then
        export_engine WAYBILL_TEST_KAFKA "$WAYBILL_TEST_KAFKA"
        return
    fi
    program=$(kafka_program)
    for topic in ${WAYBILL_KAFKA_MOCK_TOPICS:-}; do arguments+=(--topic "$topic"); done
    rm -f "$dir/kafka.log"
    setsid "$program" "${arguments[@]}" </dev/null >"$dir/kafka.log" 2>&1 &
    echo $! >"$dir/kafka.pid"
    wait_for 20 Kafka grep -q '^bootstrap=' "$dir/kafka.log"
    export_engine WAYBILL_TEST_KAFKA "$(sed -n 's/^bootstrap=//p' "$dir/kafka.log")"
    # It knows no topic administration, so whoever asks for that waits for nothing; and it answers a fetch that finds nothing only when its time is up.
    export_engine WAYBILL_TEST_KAFKA_IS_MOCK yes
}

stop_kafka() {
    local pid
    pid=$(alive "$dir/kafka.pid") || return 0
    end_process "$pid"
    rm -f "$dir/kafka.pid"
}

status_kafka() {
    if [[ -n ${WAYBILL_TEST_KAFKA:-} && ! -s $dir/kafka.pid ]]; then [[ -s $dir/env ]] && return; fi
    alive "$dir/kafka.pid" >/dev/null
}
