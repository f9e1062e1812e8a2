#!/usr/bin/env bash
# Accounts of the sip-bridge at a registrar that challenges: time, CPU and memory per account, the spread of the refreshes, recovery after
# dropped connections; then decisions per second among a thousand and a million accounts. ACCOUNTS="10000 100000" changes the former,
# LOOKUPS= (empty) leaves the latter out. b2bua has CPU 1, the registrar CPU 0.
source "$(dirname "$0")/lib.sh"
conditions
run() { taskset -c 0 bin/sipsim load accounts --program "taskset -c 1 bin/b2bua" "$@"; }
echo "accounts  read s  registered s  accounts/s  CPU µs/account  bytes/account  stop s  left registered"
for n in ${ACCOUNTS:-10000 100000}; do
  json=$(run -n "$n")
  printf '%8s %7.1f %13.1f %11.0f %15.0f %14.0f %7.1f %16.0f\n' "$n" "$(field start_s <<<"$json")" "$(field registered_s <<<"$json")" \
    "$(field registrations_per_s <<<"$json")" "$(field cpu_us_per_account <<<"$json")" "$(field bytes_per_account <<<"$json")" \
    "$(field stop_s <<<"$json")" "$(field left_registered <<<"$json")"
done
json=$(run -n 1000 --network tcp --drop)
printf '1000 accounts on one dropped TCP connection are registered again after %.2f s\n' "$(field recover_s <<<"$json")"
json=$(run -n 10000 --lifetime 40s --refresh)
printf '10000 accounts for 40 s: %.0f to %.0f refreshes per second between 55 %% and 85 %% of the lifetime, %.1f %% CPU\n' \
  "$(field refresh_per_s_least <<<"$json")" "$(field refresh_per_s_most <<<"$json")" "$(field refresh_cpu_percent <<<"$json")"
[ -n "${LOOKUPS-yes}" ] || exit 0
echo "accounts  found by      lookups/s  allocations"
GOMAXPROCS=1 taskset -c 1 go test ./core/app/sipbridge -run '^$' -bench '^BenchmarkDecide$' -benchmem |
  awk -F '[/ \t]+' '/^BenchmarkDecide/ {sub(/-[0-9]+$/, "", $3); printf "%8s  %-8s %14.0f %12s\n", $2, $3, 1e9 / $5, $11}'
