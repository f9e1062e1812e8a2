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
no-rtp-timeout=600
data-directory=$work/data
[b2bua-server::trenscrypter]
outgoing-enc-regex=dtls-srtp sip:.*@dtls\.example\.org zrtp sip:.*@zrtp\.example\.org sdes sip:.*@sdes\.example\.org none .*
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

# start_rtpengine: on 127.0.0.50, without configuration and without the kernel module.
start_rtpengine() {
  taskset -c 1 rtpengine --config-file=none --interface=127.0.0.50 --listen-ng=127.0.0.1:12223 --table=-1 --foreground --num-threads=1 \
    --port-min=20000 --port-max=39999 --log-level=3 --log-stderr >"$work/out" 2>&1 &
  b2bua_pid=$!
  listens rtpengine
}

# listens NAME: returns when port 12223 (2FBF, as /proc writes it) of a loopback address is bound.
listens() {
  for _ in $(seq 100); do
    if grep -q ' [0-9A-F]\{6\}7F:2FBF ' /proc/net/udp; then return; fi
    kill -0 "$b2bua_pid" 2>/dev/null || break
    read -rt 0.05 <> <(:) || true
  done
  echo "bench: $1 did not start:" >&2
  cat "$work/out" >&2
  exit 1
}

# start_floor: a relay that does nothing but its system calls, for plain RTP.
start_floor() {
  taskset -c 1 bin/sipsim load floor 127.0.0.50:12223 >"$work/out" 2>&1 &
  b2bua_pid=$!
  listens "the floor"
}

# measure PRODUCT A-B CALLS SECONDS: fills $json; false: loss or a failed call. Both products get the same packets of the same generator.
measure() {
  product=$1 mode=$2 calls=$3
  local a=${mode%-*} b=${mode#*-} set_up=() status=0 settle=0s rate=200
  [ "$mode" != sdes-sdes ] || set_up=(--suite-b AES_CM_128_HMAC_SHA1_32)
  [[ $mode != *dtls* ]] || settle=${SETTLE:-36s} rate=100 # what a handshake leaves is dropped after 30 s; a call has two, RTP and RTCP
  if [ "$product" = rtpengine ]; then
    start_rtpengine
    set_up+=(--ng 127.0.0.1:12223)
  elif [ "$product" = floor ]; then
    start_floor
    set_up+=(--ng 127.0.0.50:12223)
  else
    local domain=$b
    [ "$b" != none ] || domain=plain
    start udp
    set_up+=(--dut 127.0.0.1:16067 --uas 127.0.0.31:5070 --transport udp --rate $rate --target "sip:%u@$domain.example.org")
  fi
  json=$(taskset -c 0 bin/sipsim load media --json "${set_up[@]}" --calls "$calls" --a "$a" --b "$b" --duration "$4s" --settle "$settle" \
    --pid "$b2bua_pid" --dut-cpu 1) || status=$?
  stop
  return "$status"
}

# choose_products sets $products: b2bua alone where there is nothing to compare with.
choose_products() {
  products=${PRODUCTS:-b2bua rtpengine}
  if [[ $products == *rtpengine* ]] && ! command -v rtpengine >/dev/null; then
    echo "NO COMPARISON: rtpengine is not installed (Debian: apt-get install --no-install-recommends rtpengine-daemon; its service is not needed: systemctl disable --now rtpengine-daemon). b2bua is measured alone." >&2
    products=b2bua
  fi
}

above() { awk -v v="$(field "$1" <<<"$json")" -v limit="$2" 'BEGIN {exit !(v > limit)}'; }

# contaminated: other programs took part of the machine. generator_full: it could not send in time.
contaminated() { above foreign_cpu_percent 15 && echo "  (contaminated: other programs took $(field foreign_cpu_percent <<<"$json" | cut -d. -f1) % of a processor)"; }
generator_full() { above generator_late_us_p99 20000; }

# header and row: the table of the media figures (busy: the product's processor; near 100 the row shows an overload); object: $json on one line.
header() {
  echo "legs       calls  product     packets   lost %  CPU µs/packet  (user+system)  busy %   added p50 µs   p99 µs   kB/call  gen late p99 µs  gen %  others %"
}

row() {
  printf '%-9s %6s  %-9s %9s %8.3f %14.2f  (%.2f+%.2f) %9.0f %14.0f %8.0f %9.1f %16.0f %6.0f %9.0f\n' "$mode" "$calls" "$product" "$(field received <<<"$json")" \
    "$(field loss_percent <<<"$json")" "$(field dut_cpu_us_per_packet <<<"$json")" \
    "$(field dut_user_us_per_packet <<<"$json")" "$(field dut_system_us_per_packet <<<"$json")" \
    "$(field dut_core_busy_percent <<<"$json")" "$(field added_us_p50 <<<"$json")" "$(field added_us_p99 <<<"$json")" "$(field dut_rss_kb_per_call <<<"$json")" \
    "$(field generator_late_us_p99 <<<"$json")" "$(field generator_cpu_percent <<<"$json")" "$(field foreign_cpu_percent <<<"$json")"
}

object() { tr -d '\n' <<<"$json" | sed "s/^{ */{\"product\": \"$product\", /; s/  */ /g"; echo; }

# ratios < "mode calls product cpu p99 memory busy" lines: the medians of both, and b2bua's by rtpengine's. Where rtpengine's core is full its
# cost is what the core has, not what it needs: the ratio is better than it looks.
ratios() {
  awk '
    BEGIN { printf "%-16s   %-19s %5s   %-22s %5s   %-18s %5s\n", "legs       calls", "CPU µs/packet", "ratio", "added p99 µs", "ratio", "kB/call", "ratio" }
    { k = $1 " " $2; if (!(k in seen)) { seen[k] = 1; order[++n] = k }
      for (i = 4; i <= 7; i++) list[k, $3, i] = list[k, $3, i] " " $i }
    function median(text,   v, m, i, j, t) {
      m = split(text, v, " ")
      for (i = 1; i <= m; i++) for (j = i + 1; j <= m; j++) if (v[j] + 0 < v[i] + 0) { t = v[i]; v[i] = v[j]; v[j] = t }
      return m % 2 ? v[(m + 1) / 2] : (v[m / 2] + v[m / 2 + 1]) / 2
    }
    function both(k, i, digits, width,   a, b) {
      a = median(list[k, "b2bua", i]); b = median(list[k, "rtpengine", i])
      return sprintf("%*s / %-*s %5s", width, sprintf("%.*f", digits, a), width, sprintf("%.*f", digits, b), b > 0 ? sprintf("%.2f", a / b) : "-")
    }
    END { for (i = 1; i <= n; i++) { split(order[i], f, " "); k = order[i]
      full = median(list[k, "rtpengine", 7]) >= 97 ? "   (rtpengine is overloaded)" : ""
      printf "%-9s %6s   %s   %s   %s%s\n", f[1], f[2], both(k, 4, 2, 6), both(k, 5, 0, 7), both(k, 6, 1, 6), full } }'
}

finish() { stop; rm -rf "$work"; }
trap finish EXIT

# field NAME < JSON: one number of sipsim's JSON object.
field() { grep -oE "\"$1\": *[-0-9.e+]+" | head -1 | cut -d: -f2 | tr -d " " || true; }

conditions() {
  echo "conditions: $(date -u +%FT%TZ), $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(nproc) processors, kernel $(uname -r), $(go version | cut -d' ' -f3)"
  echo "            b2bua pinned to CPU 1 (GOMAXPROCS=2), generator on CPU 0, loopback; CPU time is that of the b2bua process, user and system"
  [[ ${products:-} != *rtpengine* ]] || echo "            $(rtpengine --version 2>&1 | sed 's/^Version:/rtpengine/'), --table=-1 --num-threads=1, pinned to CPU 1 as well; one product runs at a time"
}
