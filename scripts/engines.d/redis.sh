# shellcheck shell=bash disable=SC2154
# Redis for scripts/engines: nothing is written to the disk but its log, for a cache may forget everything at any time.

redis_port() { echo $((base + 1)); }

start_redis() {
    local port
    port=$(redis_port)
    command -v redis-server >/dev/null || stop "redis-server is missing: apt-get install redis-server"
    is_free "$port" || stop "port $port, which Redis would listen at, is in use; choose others with --port-base"
    redis-server --port "$port" --bind 127.0.0.1 --dir "$dir" --daemonize yes --pidfile "$dir/redis.pid" --logfile "$dir/redis.log" \
        --save '' --appendonly no --maxmemory 128mb --maxmemory-policy allkeys-lru >/dev/null || stop "Redis did not start; see $dir/redis.log"
    wait_for 20 Redis redis_answers "$port"
    export_engine WAYBILL_TEST_REDIS "redis://127.0.0.1:$port"
}

# Asks with nothing but the shell: redis-cli is a package of its own.
redis_answers() {
    local answer
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'PING\r\n' >&3
    read -r -t 1 answer <&3 || true
    exec 3>&-
    [[ $answer == +PONG* ]]
}

stop_redis() {
    local pid
    pid=$(alive "$dir/redis.pid") || return 0
    end_process "$pid"
    rm -f "$dir/redis.pid"
}

status_redis() { alive "$dir/redis.pid" >/dev/null; }
