#!/usr/bin/env bash
# A burst of DTLS handshakes while calls are running, everything of b2bua on one core: all handshakes within 10 s, no packet lost.
# CALLS=500 HANDSHAKES=1000 MODES="none sdes" (of the running calls) change it; JSON=1 prints one object per line. Status 1: not met.
source "$(dirname "$0")/lib.sh"
conditions
met=0
echo "running    calls  packets  lost  added p50 µs   p99 µs    max µs  handshakes  complete  seconds  b2bua %  others %"
for mode in ${MODES:-none sdes}; do
  start udp
  domain=$mode
  [ "$mode" != none ] || domain=plain
  status=0
  json=$(taskset -c 0 bin/sipsim load burst --json --dut 127.0.0.1:16067 --uas 127.0.0.31:5070 --transport udp --rate 200 \
    --calls "${CALLS:-500}" --handshakes "${HANDSHAKES:-1000}" --target "sip:%u@$domain.example.org" --b "$mode" \
    --pid "$b2bua_pid" --dut-cpu 1) || status=$?
  stop
  [ -z "${JSON:-}" ] || tr -d '\n' <<<"$json" | sed 's/  */ /g'
  burst=$(sed -n '/"burst"/,/}/p' <<<"$json")
  sent=$(field sent <<<"$json")
  printf '%-9s %6s %8s %5d %13.0f %8.0f %9.0f %11s %9s %8.2f %8.0f %9.0f\n' "none-$mode" "${CALLS:-500}" "$sent" "$((sent - $(field received <<<"$json")))" \
    "$(field added_us_p50 <<<"$json")" "$(field added_us_p99 <<<"$json")" "$(field added_us_max <<<"$json")" \
    "$(field handshakes <<<"$burst")" "$(field complete <<<"$burst")" "$(field seconds <<<"$burst")" \
    "$(field dut_cpu_percent <<<"$json")" "$(field foreign_cpu_percent <<<"$json")"
  if [ "$status" -ne 0 ]; then met=1; fi
done
if [ "$met" -eq 0 ]; then
  echo "met: all handshakes within 10 s, no packet of the running calls lost"
else
  echo "NOT MET" >&2
fi
exit "$met"
