# Sourced by scripts that need a running local server. Builds a server and starts it in memory on a free port, sets
# `url` and `binary`, and stops the server when the script ends. Its log is in `server_log`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
cargo build --quiet --locked --package coinolio-local
binary="${CARGO_TARGET_DIR:-target}/debug/coinolio-local"
server_log="$(mktemp)"
"$binary" --memory --port 0 --dynamodb-port 0 >"$server_log" 2>&1 &
server_pid=$!

end_server() {
    status=$?
    trap - EXIT
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    rm -f "$server_log"
    exit "$status"
}
trap end_server EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

url=""
for _ in $(seq 100); do
    url="$(sed -n 's/^API  *\(http:[^ ]*\).*/\1/p' "$server_log")"
    if [ -n "$url" ] || ! kill -0 "$server_pid" 2>/dev/null; then break; fi
    sleep 0.1
done
if [ -z "$url" ]; then
    cat "$server_log"
    exit 1
fi
