#!/usr/bin/env bash
# ZRTP: handshakes per second and core for each key agreement, the engine alone and through b2bua; then HANDSHAKES calls that begin ZRTP at
# once while CALLS calls are running, everything of b2bua on one core: all secure within 10 s, no packet lost. PARTS="engine setups
# bursts", AGREEMENTS, SETUP_AGREEMENTS, BURSTS, MODES, CALLS, HANDSHAKES and SETUPS change it; JSON=1 prints one object per line. Status 1: not met.
source "$(dirname "$0")/lib.sh"
conditions
agreements=${AGREEMENTS:-X255 EC25 X448 EC38 DH3k X1M1 X3M3 MLK1 MLK3 K255}
part() { [[ " ${PARTS:-engine setups bursts} " == *" $1 "* ]]; }

engine() {
  echo
  echo "the engine: what one end can do on one core, hash chain, MACs and key derivation included"
  echo "agreement  handshakes/s"
  taskset -c 1 env GOMAXPROCS=1 go test ./media/zrtp -run '^$' -bench "^BenchmarkExchange/($(tr ' ' '|' <<<"$agreements"))$" -benchtime "${BENCHTIME:-1s}" |
    awk '/^BenchmarkExchange/ { split($1, n, "/"); for (i = 2; i < NF; i++) if ($(i + 1) == "handshakes/s") printf "%-10s %12.0f\n", n[2], $i }'
}

# cost MODE AGREEMENT: of the set-up of a call whose leg A has it, µs. The bound of b2bua is out of the way.
cost() {
  start udp b2bua/zrtp-agreements-per-second=10000
  json=$(taskset -c 0 bin/sipsim load media --json --dut 127.0.0.1:16067 --uas 127.0.0.31:5070 --transport udp --rate 150 --calls "${SETUPS:-300}" \
    --target "sip:%u@plain.example.org" --a "$1" ${2:+--agreement "$2"} --warm 100ms --duration 200ms --sample 1 --pid "$b2bua_pid" --dut-cpu 1) || true
  stop
  field dut_cpu_us_per_call <<<"$json"
}
setups() {
  echo
  echo "b2bua: CPU of a call's set-up with ZRTP on leg A, beside that of a call without (leg B plain)"
  echo "agreement  CPU µs/call   of it ZRTP   handshakes/s and core"
  local plain
  plain=$(cost none "")
  printf '%-10s %11.0f\n' none "$plain"
  for agreement in ${SETUP_AGREEMENTS:-X255 EC25 X448 DH3k X1M1}; do # with others, b2bua and the phone agree on DH3k
    awk -v a="$agreement" -v c="$(cost zrtp "$agreement")" -v p="$plain" 'BEGIN { z = c - p; printf "%-10s %11.0f %12.0f %23s\n", a, c, z, (z > 0 ? int(1e6 / z) : "-") }'
  done
}

met=0
bursts() {
  echo
  echo "a burst while calls are running"
  echo "running    agreement  calls  packets  lost  added p50 µs   p99 µs    max µs  handshakes  complete  seconds  b2bua %  others %"
  for mode in ${MODES:-none sdes}; do
    for agreement in ${BURSTS:-X255 DH3k X1M1}; do
      start udp
      domain=$mode
      [ "$mode" != none ] || domain=plain
      status=0
      json=$(taskset -c 0 bin/sipsim load burst --by zrtp --agreement "$agreement" --json --dut 127.0.0.1:16067 --uas 127.0.0.31:5070 --transport udp --rate 200 \
        --calls "${CALLS:-500}" --handshakes "${HANDSHAKES:-200}" --target "sip:%u@$domain.example.org" --b "$mode" \
        --pid "$b2bua_pid" --dut-cpu 1) || status=$?
      stop
      [ -z "${JSON:-}" ] || tr -d '\n' <<<"$json" | sed 's/  */ /g'
      burst=$(sed -n '/"burst"/,/}/p' <<<"$json")
      sent=$(field sent <<<"$json")
      printf '%-10s %-9s %6s %8s %5d %13.0f %8.0f %9.0f %11s %9s %8.2f %8.0f %9.0f\n' "none-$mode" "$agreement" "${CALLS:-500}" "$sent" "$((sent - $(field received <<<"$json")))" \
        "$(field added_us_p50 <<<"$json")" "$(field added_us_p99 <<<"$json")" "$(field added_us_max <<<"$json")" \
        "$(field handshakes <<<"$burst")" "$(field complete <<<"$burst")" "$(field seconds <<<"$burst")" \
        "$(field dut_cpu_percent <<<"$json")" "$(field foreign_cpu_percent <<<"$json")"
      if [ "$status" -ne 0 ]; then met=1; fi
    done
  done
  if [ "$met" -eq 0 ]; then
    echo "met: all secure within 10 s, no packet of the running calls lost"
  else
    echo "NOT MET" >&2
  fi
}

for p in engine setups bursts; do
  if part "$p"; then "$p"; fi
done
exit "$met"
