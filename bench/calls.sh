#!/usr/bin/env bash
# Calls per second that one core sustains without media: the rate grows until a call fails or set-up gets slow.
# SECONDS_EACH=10 NETWORKS="udp tcp" RATES="400 600 …" change it; JSON=1 prints one object per line.
source "$(dirname "$0")/lib.sh"
each=${SECONDS_EACH:-10}
conditions
echo "network  calls/s  failed  CPU µs/call  b2bua %  set-up p50 ms  p99 ms  others %"
for network in ${NETWORKS:-udp tcp}; do
  best=0
  for rate in ${RATES:-200 400 600 800 1000 1200 1400 1600 1800 2000}; do
    start "$network"
    status=0
    json=$(taskset -c 0 bin/sipsim load calls --json --dut 127.0.0.1:16067 --uas 127.0.0.31:5070 --transport "$network" \
      --calls $((rate * each)) --rate "$rate" --hold 200ms --ring --pid "$b2bua_pid" --dut-cpu 1) || status=$?
    stop
    [ -z "${JSON:-}" ] || echo "$json"
    failed=$(field failed <<<"$json")
    printf '%-7s %8s %7s %12.0f %8.0f %14.2f %7.2f %9.0f\n' "$network" "$rate" "$failed" \
      "$(field dut_cpu_us_per_call <<<"$json")" "$(field dut_cpu_percent <<<"$json")" \
      "$(field setup_ms_p50 <<<"$json")" "$(field setup_ms_p99 <<<"$json")" "$(field foreign_cpu_percent <<<"$json")"
    if [ "$status" -ne 0 ] || awk -v p="$(field setup_ms_p99 <<<"$json")" 'BEGIN {exit !(p > 500)}'; then break; fi
    best=$rate
  done
  echo "$network: $best calls/s sustained (no call failed, p99 of the set-up at most 500 ms)"
done
