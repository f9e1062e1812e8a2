#!/usr/bin/env bash
# The largest number of calls on one core with less than 0.1 % loss and a p99 of the added latency below 20 ms, b2bua against rtpengine.
# Loss alone hides overload: socket buffers hold seconds of audio.
# "(the generator was full)" means that the product could have carried more: it has one core as well.
#   MODES="none-none none-sdes sdes-sdes none-dtls"  PRODUCTS="b2bua rtpengine"  SECONDS_EACH=5  START=1000  STEP=100  RUNS=8  change it;
#   STEP is how exact the answer is, RUNS bounds the search of each.
source "$(dirname "$0")/lib.sh"
each=${SECONDS_EACH:-5} step=${STEP:-100} runs=${RUNS:-8}
export SETTLE=${SETTLE:-0s}
choose_products
conditions
header

# good: the last measurement had what is wanted.
good() { awk -v l="$(field loss_percent <<<"$json")" -v p="$(field added_us_p99 <<<"$json")" 'BEGIN {exit !(l != "" && l < 0.1 && p != "" && p > 0 && p < 20000)}'; }

# try CALLS: a number is too much when it failed twice, for a virtual machine stands still at times; a row that other programs spoilt says
# nothing.
try() {
  local failed=0
  for _ in 1 2 3 4; do
    measure "$product" "$mode" "$1" "$each" 2>"$work/why" || true
    if [ -z "$json" ]; then
      echo "  $product $mode with $1 calls: $(tail -1 "$work/why")"
      return 1
    fi
    [ -z "${JSON:-}" ] || object
    row
    if good; then return 0; fi
    contaminated || failed=$((failed + 1))
    [ "$failed" -lt 2 ] || return 1
  done
  return 1
}

# search: sets $best, and $limit to why it ended.
search() {
  local low=0 high=0 at=${START:-1000}
  limit=
  for _ in $(seq "$runs"); do
    if try "$at"; then
      low=$at
    else
      high=$at limit=
      if generator_full; then limit=" (the generator was full)"; fi
    fi
    if [ "$high" -eq 0 ]; then at=$((low * 3 / 2)); else at=$(((low + high) / 2)); fi
    at=$((at / step * step))
    if [ "$at" -le "$low" ]; then break; fi
  done
  best=$low
  [ "$high" -ne 0 ] || limit=" or more"
}

for mode in ${MODES:-none-none none-sdes sdes-sdes none-dtls}; do
  for product in $products; do
    search
    echo "$mode $product $best$limit" | tee -a "$work/best"
  done
done
echo
echo "calls on one core with less than 0.1 % loss and p99 below 20 ms, to $step calls:"
awk '{ print; best[$1, $2] = $3; modes[$1] }
  END { for (m in modes) if (best[m, "rtpengine"] > 0 && (m, "b2bua") in best) printf "%s: b2bua carries %.2f times as many\n", m, best[m, "b2bua"] / best[m, "rtpengine"] }' "$work/best"
