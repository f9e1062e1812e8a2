#!/usr/bin/env bash
# CPU per forwarded packet, loss and added latency with G.711 at 50 packets/s each way, at 100, 500 and 1000 calls.
# SECONDS_EACH=10 CALLS="100 500 1000" MODES="none-none none-sdes" change it; JSON=1 prints one object per line.
source "$(dirname "$0")/lib.sh"
each=${SECONDS_EACH:-10}
conditions
echo "legs       calls  packets   lost %  CPU µs/packet  (user+system)   added p50 µs  p99 µs   kB/call  others %"
for mode in ${MODES:-none-none none-sdes sdes-sdes}; do
  a=${mode%-*} b=${mode#*-}
  target='sip:%u@plain.example.org'
  [ "$b" = none ] || target='sip:%u@sdes.example.org'
  for calls in ${CALLS:-100 500 1000}; do
    start udp
    json=$(taskset -c 0 bin/sipsim load media --json --dut 127.0.0.1:16067 --uas 127.0.0.31:5070 --transport udp --calls "$calls" --rate 200 --a "$a" --b "$b" --target "$target" \
      --duration "${each}s" --pid "$b2bua_pid" --dut-cpu 1) || echo "  (loss over 0.1 % or a failed call)"
    stop
    [ -z "${JSON:-}" ] || echo "$json"
    printf '%-9s %6s %8s %8.3f %14.2f  (%.2f+%.2f) %14.0f %7.0f %9.1f %9.0f\n' "$mode" "$calls" "$(field received <<<"$json")" \
      "$(field loss_percent <<<"$json")" "$(field dut_cpu_us_per_packet <<<"$json")" \
      "$(field dut_user_us_per_packet <<<"$json")" "$(field dut_system_us_per_packet <<<"$json")" \
      "$(field added_us_p50 <<<"$json")" "$(field added_us_p99 <<<"$json")" "$(field dut_rss_kb_per_call <<<"$json")" \
      "$(field foreign_cpu_percent <<<"$json")"
  done
done
