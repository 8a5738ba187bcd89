# loads.sh: the rows L1 to L10 of t/reliability.tsv, a function each. Sourced by bench/load.
#
# Expects: seconds, rounds, soak, customers, patience (seconds that mod_reqtimeout gives a body). Each writes its figures down with figure; the
# floors are those of the table. An aim is what we would like to see; nothing fails without it.
# shellcheck shell=bash
# shellcheck disable=SC2154

# figure ROW WHAT NUMBER UNIT RELATION FLOOR AIM ("-": none)
figure() { printf 'figure\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >> "$scratch/figures"; }

ms() { awk -v us="$1" 'BEGIN { printf "%.1f", us / 1000 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", (b ? a / b : 0) }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { printf "%s", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

warm_up() { load show-me 32 2; }

statements_of() { awk -F '\t' -v name="$1" '$1 == name { print $3 }' "$scratch/$shop.lengths"; }

measure_L1() {
    warm_up
    load show-me 32 "$seconds"
    figure 'L1' 'GET /customers/me, answers' "${m_rate%.*}" /s '>=' 2000 3000
    figure 'L1' 'p99' "$(ms "$m_p99")" ms '<=' 40 20
    figure 'L1' 'errors' "$m_errors" '' '<=' 0 -
    figure 'L1' 'statements a request' "$(statements_of show-me)" '' '<=' 3 2
}

# In turns, so that a machine that slows down slows both.
measure_L2() {
    local round
    : > "$scratch/ratios"
    use_shop small
    warm_up
    for ((round = 1; round <= rounds; round++)); do
        use_shop small
        load show-me 32 $((seconds > 4 ? seconds / 2 : 1))
        figure 'L2' "p99 with 1,000 customers, round $round" "$(ms "$m_p99")" ms '<=' - -
        printf '%s ' "$m_p99" >> "$scratch/ratios"
        use_shop large
        load show-me 32 $((seconds > 4 ? seconds / 2 : 1))
        figure 'L2' "p99 with $customers customers, round $round" "$(ms "$m_p99")" ms '<=' - -
        printf '%s\n' "$m_p99" >> "$scratch/ratios"
    done
    figure 'L2' 'ratio of the p99, median of the rounds' "$(awk '{ printf "%.3f\n", $2 / $1 }' "$scratch/ratios" | median)" '' '<=' 1.5 1.2
}

measure_L3() {
    load sign-in 16 "$seconds"
    figure 'L3' 'sign-ins' "$m_rate" /s '>=' 50 65
    figure 'L3' 'p99' "$(ms "$m_p99")" ms '<=' 500 -
    figure 'L3' 'errors' "$m_errors" '' '<=' 0 -
}

measure_L4() {
    load register 16 "$seconds"
    figure 'L4' 'registrations' "$m_rate" /s '>=' 35 50
    figure 'L4' 'errors' "$m_errors" '' '<=' 0 -
}

measure_L5() {
    local refused slowest reads=$scratch/reads sign_ins=$scratch/sign-ins
    "$here/bench/lib/requests" show-me "$scratch/large.targets" > "$reads.requests"
    "$here/bench/lib/requests" sign-in "$scratch/large.targets" > "$sign_ins.requests"
    start_bounded $((seconds + 60)) "$tools/volley" "$port" 64 $((seconds + 2)) 0 < "$sign_ins.requests" > "$sign_ins"
    sleep 1
    start_bounded $((seconds + 60)) "$tools/volley" "$port" 32 "$seconds" 200 < "$reads.requests" > "$reads"
    await_children || fail "L5: a load failed"
    take_result L5 "$reads"
    figure 'L5' 'GET /customers/me, answers' "$m_rate" /s '>=' 195 -
    figure 'L5' 'p99 of GET /customers/me' "$(ms "$m_p99")" ms '<=' 150 80
    figure 'L5' 'errors of GET /customers/me' "$m_errors" '' '<=' 0 -
    read -r _ refused slowest < <(grep '^REFUSED ' "$sign_ins")
    take_result L5 "$sign_ins"
    figure 'L5' 'sign-ins meanwhile' "$m_rate" /s '>=' - -
    figure 'L5' 'sign-ins refused by 429 or 503' "$refused" '' '>=' - -
    figure 'L5' 'slowest refusal' "$(ms "$slowest")" ms '<=' 1000 -
    figure 'L5' 'sign-ins that failed otherwise' $((m_errors - refused)) '' '<=' 0 -
}

# A number of the module's own: metric NAME LABELS
metric() { perl -MHTTP::Tiny -e 'print HTTP::Tiny->new->get("$ARGV[0]/metrics")->{content}' "$url" | awk -v name="$1" -v labels="$2" \
    'index($1, name) == 1 && index($1, labels) { sum += $2 } END { printf "%d", sum }'; }

# The module's numbers cost statements, too: they are asked outside. In a shop of its own, where ten failures a day are free. What is no refusal was tried: its hash cost 20 ms of a processor.
measure_L6() {
    local refused tried questions
    make_conf throttled << 'CONF'
MedusaStoreThrottleExempt None
MedusaStoreThrottleLimit SignIn Address 10/24h
CONF
    serve throttled
    fill_shop 1000 0 20
    load wrong-password 16 2
    tried=$(metric medusa_store_refused_sign_ins_total '') refused=$(metric medusa_store_throttled_total refused)
    questions=$(sql "SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'" | cut -f 2)
    load wrong-password 16 "$seconds"
    settle
    questions=$(($(sql "SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'" | cut -f 2) - questions))
    tried=$(($(metric medusa_store_refused_sign_ins_total '') - tried)) refused=$(($(metric medusa_store_throttled_total refused) - refused))
    figure 'L6' 'refusals' $((refused / seconds)) /s '>=' 3000 -
    figure 'L6' 'passwords that were hashed' "$tried" '' '<=' 0 -
    figure 'L6' 'answers that were no refusal' $((m_errors + m_done - refused > 0 ? m_errors + m_done - refused : 0)) '' '<=' 0 -
    figure 'L6' 'prepared statements that were run' "$questions" '' '<=' 0 -
    figure 'L6' 'processor time of httpd for a refusal' "$(per_request "$m_httpd_ticks" "$refused")" us '<=' 1000 -
    end_shop throttled
}

# ---- the soak ----

# Memory (KiB) and descriptors of each child, and connections of the database: a line each second.
sample() {
    local pid
    for pid in "${httpd_pids[@]}"; do
        printf '%s %s ' "$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")" "$(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
    done
    sql "SHOW GLOBAL STATUS LIKE 'Threads_connected'" | cut -f 2
}

# The least of a column over a part of the samples: what is there when no password is being hashed, which takes 19 MiB for a moment.
# level COLUMN FROM_SHARE TO_SHARE
level() {
    awk -v c="$1" -v n="$(wc -l < "$scratch/samples")" -v from="$2" -v to="$3" \
        'NR > from * n && NR <= to * n { if (!m || $c < m) m = $c } END { print m + 0 }' "$scratch/samples"
}

# Before and after: after a third of the time, and at its end.
warm() { level "$1" 0.33 0.5; }
late() { level "$1" 0.83 1; }

# 70 % reads, 15 % changes, 10 % sign-ins, 5 % registrations; before, nearly as many at once as there are threads. Less than a minute is too
# short to judge memory by.
measure_L7() {
    local load=() mix i column before after grown worst=-100 fds=0 end bound=2
    [ "$soak" -ge 60 ] || bound=-
    load show-me $((CHILDREN * (THREADS - 8))) 3
    mix=$(printf 'show-me,%.0s' {1..14})$(printf 'update-me,%.0s' {1..3})sign-in,sign-in,register
    wrk_load "$mix" 16 "$soak"
    start_bounded $((soak + 60)) "${load[@]}" > "$scratch/output"
    end=$((SECONDS + soak - 1))
    : > "$scratch/samples"
    while [ "$SECONDS" -lt "$end" ]; do
        sample >> "$scratch/samples"
        sleep 0.5
    done
    await_children || fail "L7: $(tail -n 1 "$scratch/output")"
    take_result L7 "$scratch/output"
    for ((i = 0; i < ${#httpd_pids[@]}; i++)); do
        column=$((2 * i + 1))
        before=$(warm "$column") after=$(late "$column")
        grown=$(awk -v a="$before" -v b="$after" 'BEGIN { printf "%.2f", (b - a) / a * 100 }')
        figure 'L7' "memory of child $((i + 1)) when warm" "$(awk -v k="$before" 'BEGIN { printf "%.1f", k / 1024 }')" MiB '<=' - -
        worst=$(printf '%s\n' "$worst" "$grown" | sort -n | tail -n 1)
        before=$(warm $((column + 1))) after=$(late $((column + 1)))
        fds=$(awk -v s="$fds" -v a="$before" -v b="$after" 'BEGIN { print s + b - a }')
    done
    column=$((2 * i + 1))
    figure 'L7' 'length of the soak' "$soak" s '>=' - -
    figure 'L7' 'requests' "$m_done" '' '>=' 1 -
    figure 'L7' 'answers that were no success, or none' "$m_errors" '' '<=' 0 -
    figure 'L7' 'growth of the memory of a child since it was warm, the worst' "$worst" % '<=' "$bound" -
    figure 'L7' 'descriptors of all children since then, more' "$fds" '' '<=' 0 -
    figure 'L7' 'connections of the database since then, more' \
        $(($(late "$column") - $(warm "$column"))) '' '<=' 0 -
}

# ---- beside others ----

# Wait until a crowd says that it is there.
await_ready() {
    local tries=300
    until grep -q '^ready' "$1"; do
        [ $((tries -= 1)) -gt 0 ] || fail "the crowd does not come: $(tail -n 1 "$1")"
        sleep 0.1
    done
}

measure_L8() {
    : > "$scratch/crowd"
    start_bounded $((seconds + 60)) "$here/bench/crowd" "$port" idle 1000 $((seconds + 1)) > "$scratch/crowd" 2>&1
    await_ready "$scratch/crowd"
    load show-me 32 "$seconds"
    await_children || fail "L8: $(tail -n 1 "$scratch/crowd")"
    figure 'L8' 'GET /customers/me beside 1,000 idle connections' "${m_rate%.*}" /s '>=' 1800 -
    figure 'L8' 'p99' "$(ms "$m_p99")" ms '<=' - -
    figure 'L8' 'errors' "$m_errors" '' '<=' 0 -
    figure 'L8' 'idle connections that were kept' "$(sed -n 's/^KEPT //p' "$scratch/crowd")" '' '>=' 1000 -
}

measure_L9() {
    local ended slowest
    : > "$scratch/crowd"
    start_bounded $((seconds + 120)) "$here/bench/crowd" "$port" slow 200 $((patience * 2 + 10)) > "$scratch/crowd" 2>&1
    await_ready "$scratch/crowd"
    load show-me 32 $((patience < seconds + 1 ? patience - 1 : seconds))
    await_children || fail "L9: $(tail -n 1 "$scratch/crowd")"
    read -r _ ended slowest < <(grep '^ENDED ' "$scratch/crowd")
    figure 'L9' 'GET /customers/me beside 200 slow bodies' "${m_rate%.*}" /s '>=' 1600 -
    figure 'L9' 'p99' "$(ms "$m_p99")" ms '<=' - -
    figure 'L9' 'errors' "$m_errors" '' '<=' 0 -
    figure 'L9' 'slow bodies that were ended' "$ended" '' '>=' 200 -
    figure 'L9' "the last of them after (RequestReadTimeout: $patience s)" "$slowest" s '<=' $((patience + 5)) -
}

# ---- the price of the module ----

# In turns: the ratio of each round, and of these the median. By processor time, too, which hardly knows what else the machine does.
measure_L10() {
    local round rate cost length=$((seconds > 4 ? seconds / 2 : 1))
    : > "$scratch/rates"
    : > "$scratch/costs"
    load_bare show-me 32 1
    for ((round = 1; round <= rounds; round++)); do
        load show-me 32 "$length"
        rate=$m_rate cost=$(awk -v a="$m_httpd_us" -v b="$m_db_us" 'BEGIN { print a + b }')
        load_bare show-me 32 "$length"
        ratio "$rate" "$m_rate" >> "$scratch/rates"
        ratio "$(awk -v a="$m_httpd_us" -v b="$m_db_us" 'BEGIN { print a + b }')" "$cost" >> "$scratch/costs"
        printf '\n' | tee -a "$scratch/rates" >> "$scratch/costs"
    done
    figure 'L10' 'rate, as a share of that of the bare handler' "$(median < "$scratch/rates")" '' '>=' 0.8 0.9
    figure 'L10' 'the same by processor time of httpd and database' "$(median < "$scratch/costs")" '' '>=' - 0.9
}
