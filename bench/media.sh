#!/usr/bin/env bash
# b2bua against rtpengine (Debian's package, in user space) on the same load: G.711 at 50 packets/s each way, one core each.
# "floor" is a relay that only receives and sends: what the system calls alone cost. Per row: CPU per forwarded packet, loss, added latency, memory per call; then the ratios.
#   CALLS="300 1000"  MODES="none-none none-sdes sdes-sdes none-dtls"  SECONDS_EACH=10  ROUNDS=1  PRODUCTS="b2bua rtpengine"  change it;
#   JSON=1 prints one object per line. One row: CALLS=300 MODES=none-sdes SECONDS_EACH=5 bench/media.sh
# A row with other programs' load above 15 % is marked and measured once more; if that one is spoilt too, it counts, and the end says so. sdes-sdes has another suite on the other leg, else rtpengine passes the keys through and encrypts nothing.
source "$(dirname "$0")/lib.sh"
each=${SECONDS_EACH:-10}
spoilt=
choose_products
conditions
header
for mode in ${MODES:-none-none none-sdes sdes-sdes none-dtls}; do
  for calls in ${CALLS:-300 1000}; do
    for round in $(seq "${ROUNDS:-1}"); do
      for product in $products $([ "$mode" != none-none ] || echo floor); do
        for attempt in 1 2; do
          measure "$product" "$mode" "$calls" "$each" || echo "  (loss over 0.1 % or a failed call)"
          [ -z "${JSON:-}" ] || object
          row
          contaminated || break
          [ "$attempt" -eq 1 ] || spoilt="$spoilt $mode/$calls/$product"
        done
        echo "$mode $calls $product $(field dut_cpu_us_per_packet <<<"$json") $(field added_us_p99 <<<"$json") $(field dut_rss_kb_per_call <<<"$json") $(field dut_core_busy_percent <<<"$json")" >>"$work/rows"
      done
    done
  done
done
[ -z "$spoilt" ] || printf '\nspoilt by other programs, twice:%s\n' "$spoilt"
[[ $products == *b2bua*rtpengine* ]] || exit 0
echo
echo "b2bua / rtpengine, medians of ${ROUNDS:-1} round(s)"
ratios <"$work/rows"
