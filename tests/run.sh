#!/usr/bin/env bash
# Every test, and those of the lab that were red once more: `make test`. Takes the number of threads.
#
# The lab boots hosts on a machine that others share, and kills at random moments: one red among hundreds is as often
# the machine's noise as the program's fault. So at most 5 red tests of the lab get one more try, each alone. What was
# red is always told at the very end, and what is red twice is red. All else is final at once: another binary's test,
# a crash, what does not compile.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

threads=${1:?how many threads}
most=5
export CARGO_TERM_COLOR=never
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# Both streams, since cargo tells on one which binary the other is about. All of them run, so that all reds are told.
cargo test --locked --workspace --no-fail-fast -- --test-threads="$threads" 2>&1 | tee "$log"
code=${PIPESTATUS[0]}

# libtest ends with 101 where tests are red; what was killed or could not start says something else.
[ "$code" = 101 ] || exit "$code"

# What cargo lists at its end: only the lab may be in it.
failed=$(awk '/^error: [0-9]+ targets? failed:$/ { listed = 1 } listed && /^    `.*`$/ { print substr($0, 6, length - 6) }' "$log")
case $failed in
'--test lab' | '-p streamhub-install --test lab') ;;
*) exit "$code" ;;
esac

# The last list before the one result that is red; a binary that crashed has printed none.
results=$(grep -c '^test result: FAILED\. ' "$log")
count=$(sed -n 's/^test result: FAILED\. [0-9]* passed; \([0-9]*\) failed;.*/\1/p' "$log")
mapfile -t red < <(awk '
    /^failures:$/ { n = 0; listed = 1; next }
    /^test result: FAILED\. / { for (i = 1; i <= n; i++) print names[i]; exit }
    listed && /^    [^ ]+$/ { names[++n] = $1 }
' "$log")
if [ "$results" != 1 ] || [ "$count" != "${#red[@]}" ]; then
    echo "the lab's list of red tests can't be read: no second try" >&2
    exit "$code"
fi
if [ "${#red[@]}" -gt "$most" ]; then
    echo "${#red[@]} tests of the lab are red, and more than $most are no noise: no second try" >&2
    exit "$code"
fi

told=()
for name in "${red[@]}"; do
    # The same packages as before, so that nothing is built anew.
    cargo test --locked --workspace --test lab -- --exact "$name" --test-threads=1 2>&1 | tee "$log"
    again=${PIPESTATUS[0]}
    # A name that matches no test is green for libtest.
    if [ "$again" = 0 ] && grep -q '^test result: ok\. 1 passed;' "$log"; then
        told+=("RED ONCE: $name (green when it ran again, alone)")
    else
        told+=("RED TWICE: $name")
        verdict=red
    fi
done
echo
printf '%s\n' "${told[@]}"
if [ "${verdict:-green}" = red ]; then
    echo 'tests: RED'
    exit "$code"
fi
echo 'tests: green at the second try'
