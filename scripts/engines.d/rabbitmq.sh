# shellcheck shell=bash disable=SC2154
# RabbitMQ for scripts/engines: a node of its own in $dir, with its own name, cookie, port mapper and ports. AMQP is on the third port, AMQP over TLS on the seventh where
# WAYBILL_RABBITMQ_TLS is set ($dir/tls then holds an authority's, the server's and a client's certificates). Everything listens on loopback only.

# What the node, its port mapper and `rabbitmqctl` must know of each other; for a subshell.
rabbitmq_environment() {
    export HOME=$dir RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_NODENAME=waybill-$((base + 2))@localhost RABBITMQ_USE_LONGNAME=false
    export RABBITMQ_MNESIA_BASE=$dir/data RABBITMQ_LOG_BASE=$dir/log RABBITMQ_PID_FILE=$dir/node.pid RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf
    export RABBITMQ_ENABLED_PLUGINS_FILE=$dir/plugins RABBITMQ_GENERATED_CONFIG_DIR=$dir/generated RABBITMQ_ADVANCED_CONFIG_FILE=$dir/advanced.config
    export ERL_EPMD_PORT=$((base + 3)) ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_DIST_PORT=$((base + 4)) ERL_CRASH_DUMP=/dev/null
    # Schedulers that sleep when there is nothing to do: the processors belong to the tests.
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +SDio 4 +sbwt none +sbwtdcpu none +sbwtdio none"
    export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}"
    # The server's own scripts; the wrappers before them would change the user and the folder.
    PATH=/usr/lib/rabbitmq/bin:$PATH
}

rabbitmq_configuration() {
    cat <<CONF
listeners.tcp.1 = 127.0.0.1:$((base + 2))
num_acceptors.tcp = 2
vm_memory_high_watermark.absolute = 768MB
disk_free_limit.absolute = 64MB
raft.wal_max_size_bytes = 33554432
log.file.level = warning
log.console = false
CONF
    if [[ -n ${WAYBILL_RABBITMQ_TLS:-} ]]; then
        cat <<CONF
listeners.ssl.1 = 127.0.0.1:$((base + 6))
num_acceptors.ssl = 2
ssl_options.cacertfile = $dir/tls/authority.pem
ssl_options.certfile = $dir/tls/server.pem
ssl_options.keyfile = $dir/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
CONF
    fi
}

# An authority, and certificates of a server and a client by it, for a day.
rabbitmq_certificates() {
    local tls=$dir/tls name
    mkdir -p "$tls"
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=waybill test authority" -keyout "$tls/authority.key" -out "$tls/authority.pem" 2>/dev/null
    for name in server client; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout "$tls/$name.key" -out "$tls/$name.csr" 2>/dev/null
        openssl x509 -req -in "$tls/$name.csr" -CA "$tls/authority.pem" -CAkey "$tls/authority.key" -CAcreateserial -days 1 -out "$tls/$name.pem" \
            -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") 2>/dev/null
    done
}

# Whether it speaks AMQP: it answers the protocol's greeting with a method frame.
rabbitmq_answers() {
    local reply
    reply=$(timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$((base + 2)) && printf 'AMQP\x00\x00\x09\x01' >&3 && head -c 1 <&3 | od -An -tx1") || return 1
    [[ $reply == *01* ]]
}

# Closes what the caller has open, in a subshell: a server that kept a descriptor of its would let it wait for ever for the end of what it started.
close_inherited() {
    local descriptor
    for descriptor in /proc/self/fd/*; do
        descriptor=${descriptor##*/}
        if ((descriptor > 2 && descriptor != 255)); then eval "exec $descriptor>&-"; fi
    done
}

start_rabbitmq() {
    if ! command -v erl epmd >/dev/null || [[ ! -x /usr/lib/rabbitmq/bin/rabbitmq-server ]]; then stop "RabbitMQ is missing: apt-get install rabbitmq-server"; fi
    mkdir -p "$dir/data" "$dir/log" "$dir/generated"
    if [[ -n ${WAYBILL_RABBITMQ_TLS:-} && ! -f $dir/tls/client.pem ]]; then rabbitmq_certificates; fi
    rabbitmq_configuration >"$dir/rabbitmq.conf"
    echo "[]." >"$dir/plugins"
    rm -f "$dir/node.pid"
    (
        close_inherited
        rabbitmq_environment
        # The node would start a port mapper that stays behind; this one is ended with it.
        if ! alive "$dir/epmd.pid" >/dev/null; then
            setsid epmd -port "$ERL_EPMD_PORT" </dev/null >"$dir/log/epmd.out" 2>&1 &
            echo $! >"$dir/epmd.pid"
        fi
        setsid rabbitmq-server </dev/null >"$dir/log/server.out" 2>&1 &
    )
    wait_for 90 RabbitMQ rabbitmq_answers
    export_engine WAYBILL_TEST_RABBITMQ "amqp://guest:guest@127.0.0.1:$((base + 2))/"
}

stop_rabbitmq() {
    local pid
    if pid=$(alive "$dir/node.pid"); then end_process "$pid"; fi
    if pid=$(alive "$dir/epmd.pid"); then end_process "$pid"; fi
    rm -f "$dir/node.pid" "$dir/epmd.pid"
}

status_rabbitmq() { alive "$dir/node.pid" >/dev/null && rabbitmq_answers; }
