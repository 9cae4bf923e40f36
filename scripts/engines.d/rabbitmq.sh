# shellcheck shell=bash
# A RabbitMQ node for tests, sourced by scripts/engines: start_rabbitmq DIR PORTBASE, stop_rabbitmq DIR.
#
# Everything it keeps is in DIR/rabbitmq, and it listens on loopback only: AMQP on PORTBASE, Erlang's port mapper and distribution on the two ports after it,
# AMQP over TLS on the third where WAYBILL_RABBITMQ_TLS is set. A node that is started again in the same folder finds its queues where it left them.

# What the node, its port mapper and `rabbitmqctl` need to know of each other; call it in a subshell.
rabbitmq_environment() {
    local home=$1/rabbitmq port=$2
    export HOME=$home RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_NODENAME=waybill-$port@localhost RABBITMQ_USE_LONGNAME=false
    export RABBITMQ_MNESIA_BASE=$home/data RABBITMQ_LOG_BASE=$home/log RABBITMQ_PID_FILE=$home/node.pid RABBITMQ_CONFIG_FILE=$home/rabbitmq.conf
    export RABBITMQ_ENABLED_PLUGINS_FILE=$home/plugins RABBITMQ_GENERATED_CONFIG_DIR=$home/generated RABBITMQ_ADVANCED_CONFIG_FILE=$home/advanced.config
    export RABBITMQ_DIST_PORT=$((port + 2)) ERL_EPMD_PORT=$((port + 1)) ERL_EPMD_ADDRESS=127.0.0.1
    # Schedulers that sleep when there is nothing to do: the machine's cores belong to the tests.
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +SDio 4 +sbwt none +sbwtdcpu none +sbwtdio none"
    export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" ERL_CRASH_DUMP=/dev/null
    # The server's own scripts, without the wrapper that changes the user and the folder.
    PATH=/usr/lib/rabbitmq/bin:$PATH
}

rabbitmq_configuration() {
    local home=$1 port=$2
    cat <<CONFIGURATION
listeners.tcp.1 = 127.0.0.1:$port
num_acceptors.tcp = 2
vm_memory_high_watermark.absolute = 768MB
disk_free_limit.absolute = 64MB
raft.wal_max_size_bytes = 33554432
log.file.level = warning
log.console = false
CONFIGURATION
    if [[ -n ${WAYBILL_RABBITMQ_TLS:-} ]]; then
        cat <<CONFIGURATION
listeners.ssl.1 = 127.0.0.1:$((port + 3))
num_acceptors.ssl = 2
ssl_options.cacertfile = $home/tls/ca.pem
ssl_options.certfile = $home/tls/server.pem
ssl_options.keyfile = $home/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
CONFIGURATION
    fi
}

# An authority, a server's and a client's certificate, for a day.
rabbitmq_certificates() {
    local tls=$1 name
    mkdir -p "$tls"
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=waybill test authority" -keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null
    for name in server client; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$tls/$name.key" -out "$tls/$name.csr" 2>/dev/null
        openssl x509 -req -in "$tls/$name.csr" -CA "$tls/ca.pem" -CAkey "$tls/ca.key" -CAcreateserial -days 1 -out "$tls/$name.pem" \
            -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null
    done
}

# Whether something speaks AMQP on a port: it answers the protocol's greeting with connection.start.
rabbitmq_answers() {
    local reply
    reply=$(timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$1 && printf 'AMQP\x00\x00\x09\x01' >&3 && head -c 1 <&3 | od -An -tx1" 2>/dev/null) || return 1
    [[ $reply == *01* ]]
}

start_rabbitmq() {
    local directory=$1 port=$2 home=$1/rabbitmq deadline=$((SECONDS + 90))
    if ! command -v erl epmd >/dev/null || [[ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ]]; then
        echo "engines: RabbitMQ is not installed (apt install rabbitmq-server)" >&2
        return 1
    fi
    mkdir -p "$home/data" "$home/log" "$home/generated"
    echo "$port" >"$home/port"
    echo "[]." >"$home/plugins"
    rm -f "$home/node.pid"
    if [[ -n ${WAYBILL_RABBITMQ_TLS:-} && ! -f $home/tls/ca.pem ]]; then rabbitmq_certificates "$home/tls"; fi
    rabbitmq_configuration "$home" "$port" >"$home/rabbitmq.conf"
    (
        rabbitmq_environment "$directory" "$port"
        # A port mapper of our own: the node would otherwise start one that nobody ends.
        setsid epmd -port "$ERL_EPMD_PORT" </dev/null >"$home/log/epmd.out" 2>&1 &
        echo $! >"$home/epmd.pid"
        setsid rabbitmq-server </dev/null >"$home/log/server.out" 2>&1 &
    )
    until rabbitmq_answers "$port"; do
        if ((SECONDS > deadline)); then
            echo "engines: RabbitMQ did not answer on port $port; see $home/log" >&2
            stop_rabbitmq "$directory"
            return 1
        fi
        sleep 0.2
    done
    touch "$directory/env"
    sed -i '/^WAYBILL_TEST_RABBITMQ=/d' "$directory/env"
    echo "WAYBILL_TEST_RABBITMQ=amqp://guest:guest@127.0.0.1:$port/" >>"$directory/env"
}

# Ends a process by its id and waits for it: TERM, and KILL after so many seconds.
rabbitmq_end() {
    local file=$1 deadline=$((SECONDS + $2)) pid
    pid=$(cat "$file" 2>/dev/null) || return 0
    kill -TERM "$pid" 2>/dev/null || { rm -f "$file" && return 0; }
    while kill -0 "$pid" 2>/dev/null; do
        if ((SECONDS > deadline)); then kill -KILL "$pid" 2>/dev/null || true; fi
        sleep 0.1
    done
    rm -f "$file"
}

stop_rabbitmq() {
    rabbitmq_end "$1/rabbitmq/node.pid" 30
    rabbitmq_end "$1/rabbitmq/epmd.pid" 5
}
