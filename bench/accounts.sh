#!/usr/bin/env bash
# Accounts of the sip-bridge at a registrar that challenges: time, CPU and memory per account, the spread of the refreshes, recovery after
# dropped connections; decisions per second among a thousand and a million accounts; a million accounts of a database, which do not register,
# and changes of them that Redis announces. ACCOUNTS="10000 100000" and ROWS=1000000 change the sizes; LOOKUPS=, BACKENDS= (empty) leave
# the last two out. b2bua has CPU 1, everything else CPU 0. Bytes are those of resident memory, over that of a b2bua with one account or two.
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
if [ -n "${LOOKUPS-yes}" ]; then
  echo "accounts  found by      lookups/s  allocations"
  GOMAXPROCS=1 taskset -c 1 go test ./core/app/sipbridge -run '^$' -bench '^BenchmarkDecide$' -benchmem |
    awk -F '[/ \t]+' '/^BenchmarkDecide/ {sub(/-[0-9]+$/, "", $3); printf "%8s  %-8s %14.0f %12s\n", $2, $3, 1e9 / $5, $11}'
fi
backends=${BACKENDS-sqlite3 mysql}
[ -n "$backends" ] || exit 0
rows=${ROWS:-1000000}
echo "$rows accounts of a database, not registered (mysql: MariaDB). Usable: a call has been placed by the account. first, all: after the start of the"
echo "process; slowest call: until b2bua answers, while it loads. Then 1000 changes/s for 20 s, announced by Redis, during 200 calls/s; new: from PUBLISH to the"
echo "first call by a new account, 50 of them each second"
echo "backend   first s   all s  CPU s  slowest call ms  bytes/account  new p50 ms  new p99 ms  CPU %  failed calls"
for backend in $backends; do
  json=$(taskset -c 0 bin/sipsim load database --program "taskset -c 1 bin/b2bua" -n "$rows" --backend "$backend" --updates 1000)
  printf '%-8s %8.2f %7.1f %6.1f %16.0f %14.0f %11.1f %11.1f %6.0f %13.0f\n' "$backend" "$(field first_usable_s <<<"$json")" "$(field last_usable_s <<<"$json")" \
    "$(field cpu_s <<<"$json")" "$(field answer_ms_max <<<"$json")" "$(field bytes_per_account <<<"$json")" "$(field usable_ms_p50 <<<"$json")" \
    "$(field usable_ms_p99 <<<"$json")" "$(field update_cpu_percent <<<"$json")" "$(field failed_calls <<<"$json")"
done
