# shellcheck shell=bash disable=SC2154
# PostgreSQL for scripts/engines. It refuses to run as root, so root starts it as the user postgres that Debian's package makes.

# A program of the server; Debian keeps them out of PATH, by version.
postgres_program() {
    local folder
    for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) "$(pg_config --bindir 2>/dev/null || true)"; do
        if [[ -x $folder/initdb && -x $folder/$1 ]]; then echo "$folder/$1" && return; fi
    done
    command -v "$1" || stop "PostgreSQL's $1 is missing: apt-get install postgresql"
}

as_postgres() {
    if ((EUID != 0)); then "$@" && return; fi
    # setpriv keeps the environment small and starts no shell of another user.
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups "$@")
}

start_postgres() {
    local port=$base data=$dir/data socket=$dir
    if ((EUID == 0)); then
        id postgres >/dev/null 2>&1 || stop "there is no user postgres, and PostgreSQL refuses to run as root"
        chown postgres "$dir"
        as_postgres test -w "$dir" || stop "the user postgres cannot reach $dir; choose a folder that others may enter, below /tmp for instance"
    fi
    # The path of a socket may not be longer; without one there is TCP.
    if ((${#socket} > 85)); then socket=''; fi
    if [[ ! -f $data/PG_VERSION ]]; then
        # The C collation compares texts by their bytes, as SQLite does: both engines list in the same order.
        as_postgres "$(postgres_program initdb)" --pgdata="$data" --encoding=UTF8 --locale=C --username=waybill --auth=trust --no-instructions \
            >"$dir/initdb.log" 2>&1 || stop "initdb failed; see $dir/initdb.log"
    fi
    # Written at every start, so that an older folder gets what a newer script wants. Everything durable, as in production.
    as_postgres tee "$data/postgresql.auto.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$socket'
max_connections = 300
shared_buffers = '256MB'
fsync = on
synchronous_commit = on
full_page_writes = on
wal_buffers = '16MB'
max_wal_size = '2GB'
min_wal_size = '256MB'
checkpoint_timeout = '5min'
jit = off
logging_collector = off
log_line_prefix = '%m [%p] %q%a@%d '
CONF
    rm -f "$dir/server.log"
    as_postgres "$(postgres_program pg_ctl)" start --pgdata="$data" --log="$dir/server.log" --wait --timeout=60 --silent ||
        stop "PostgreSQL did not start; see $dir/server.log"
    wait_for 30 PostgreSQL "$(postgres_program pg_isready)" -h 127.0.0.1 -p "$port" -U waybill -d postgres
    export_engine WAYBILL_TEST_POSTGRES "postgres://waybill@127.0.0.1:$port/postgres"
}

stop_postgres() {
    local mode=fast
    if [[ $hard == yes ]]; then mode=immediate; fi
    status_postgres || return 0
    as_postgres "$(postgres_program pg_ctl)" stop --pgdata="$dir/data" --mode="$mode" --wait --timeout=60 --silent
}

status_postgres() { as_postgres "$(postgres_program pg_ctl)" status --pgdata="$dir/data" >/dev/null 2>&1; }
