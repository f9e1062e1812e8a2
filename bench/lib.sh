# Shared by the benchmarks: one b2bua pinned to CPU 1, the load generator on CPU 0, everything on loopback.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "$(nproc)" -ge 2 ] || { echo "bench: two processors are needed, one for b2bua and one for the load" >&2; exit 1; }
work=$(mktemp -d)
b2bua_pid=

# start NETWORK [section/key=value ...]: b2bua on 127.0.0.1:16067, sending its calls to the generator's callee side.
start() {
  local network=$1 suffix= sets=()
  shift
  [ "$network" = udp ] || suffix=";transport=$network"
  for s in "$@"; do sets+=(-s "$s"); done
  cat >"$work/b2bua.conf" <<CONF
[global]
log-directory=$work
[b2bua-server]
transport=sip:127.0.0.1:16067$suffix
outbound-proxy=sip:127.0.0.31:5070$suffix
max-calls=100000
data-directory=$work/data
[b2bua-server::trenscrypter]
outgoing-enc-regex=sdes sip:.*@sdes\.example\.org none .*
CONF
  taskset -c 1 bin/b2bua -c "$work/b2bua.conf" "${sets[@]}" --disable-stdout >"$work/out" 2>&1 &
  b2bua_pid=$!
  for _ in $(seq 100); do
    if grep -qs 'ready; listening' "$work"/flexisip-b2bua.log; then return; fi
    kill -0 "$b2bua_pid" 2>/dev/null || break
    read -rt 0.05 <> <(:) || true
  done
  echo "bench: b2bua did not start:" >&2
  cat "$work/out" >&2
  exit 1
}

stop() {
  [ -n "$b2bua_pid" ] || return 0
  kill -TERM "$b2bua_pid" 2>/dev/null || true
  wait "$b2bua_pid" || true
  b2bua_pid=
  rm -f "$work"/flexisip-b2bua.log
}

finish() { stop; rm -rf "$work"; }
trap finish EXIT

# field NAME < JSON: one number of sipsim's JSON object.
field() { grep -oE "\"$1\": *[-0-9.e+]+" | head -1 | cut -d: -f2 | tr -d " " || true; }

conditions() {
  echo "conditions: $(date -u +%FT%TZ), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) processors, kernel $(uname -r), $(go version | cut -d' ' -f3)"
  echo "            b2bua pinned to CPU 1 (GOMAXPROCS=2), generator on CPU 0, loopback; CPU time is that of the b2bua process, user and system"
}
