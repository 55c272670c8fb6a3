#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Prometheus scrapes hookd and answers the queries of the dashboard; promtool checks the text and
# the alert rules; the table of docs/monitoring has exactly the metrics that hookd prints.
# usage: test_prometheus.sh HOOKD HOOKCTL
set -euo pipefail
hookd=$1 hookctl=$2
docs=$(realpath "$(dirname "$0")/../../../docs/monitoring")

if ! command -v prometheus > /dev/null || ! command -v promtool > /dev/null; then
	echo '1..0 # SKIP prometheus is not installed'
	exit 77
fi
. "$(dirname "$0")/lib.sh"

get() { # CURL-OPTION...
	curl -sS --max-time 30 "$@" "http://127.0.0.1:$port/metrics"
}

# The names and types of the text format; without the end of a histogram's samples.
printed_metrics() {
	sed -nE 's/^# TYPE ([a-z_]+) ([a-z]+)$/\1 \2/p' "$work/text" | sed 's/_info gauge$/_info info/' | sort
}

documented_metrics() {
	sed -nE 's/^\| `([a-z_]+)` \| ([a-z]+) \|.*/\1 \2/p' "$docs/README.md" | sort
}

documented_labels() {
	sed -nE 's/^\| `([a-z_]+)` \| [a-z]+ \| ([a-z, ]*) ?\|.*/\1 \2/p' "$docs/README.md" |
		sed 's/[ ,]\+/ /g; s/ *$//' | sort
}

printed_labels() {
	grep -v '^#' "$work/text" | sed -E 's/_(bucket|sum|count)(\{| )/\2/; s/,?le="[^"]*"//; s/ [^ ]*$//' |
		sed -E 's/="[^"]*",?/ /g; s/[{}]/ /g; s/ +/ /g; s/ *$//' | sort -u
}

texts() {
	get > "$work/text"
	check "promtool takes the text" promtool check metrics < "$work/text"
	is "promtool has nothing to say about names" \
		"$(promtool check metrics < "$work/text" 2>&1 | grep -v process_ || true)" ''
	is "the documents have the metrics that hookd prints" "$(documented_metrics)" "$(printed_metrics)"
	is "and their labels" "$(documented_labels)" "$(printed_labels)"
}

rules() {
	check "the alert rules" promtool check rules "$docs/alerts.yml"
	check "fire, and do not fire without a reason" promtool test rules "$docs/alerts_test.yml"
}

# ---- Prometheus ----

start_prometheus() {
	prometheus_port=$(free_port)
	cat > "$work/prometheus.yml" <<- END
		global: {scrape_interval: 1s, evaluation_interval: 1s}
		rule_files: [$docs/alerts.yml]
		scrape_configs:
		  - job_name: hookd
		    static_configs: [{targets: ['127.0.0.1:$port']}]
	END
	prometheus --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
		--web.listen-address="127.0.0.1:$prometheus_port" --log.level=warn > "$work/prometheus.log" 2>&1 &
	others=$!
}

ask() { # API [CURL-OPTION...]
	curl -sS --max-time 30 -G "http://127.0.0.1:$prometheus_port/api/v1/$1" "${@:2}" 2> "$work/err"
}

query() { # EXPRESSION
	ask query --data-urlencode "query=$1"
}

# The value of the only result; "": there is another number of results.
value() { # EXPRESSION
	query "$1" | jq -r 'if .data.result | length == 1 then .data.result[0].value[1] else "" end' 2> "$work/err"
}

value_is() { # EXPRESSION VALUE
	[ "$(value "$1")" = "$2" ]
}

is_scraped() {
	value_is 'up{job="hookd"}' 1
}

target_is() { # HEALTH
	[ "$(ask targets | jq -r '.data.activeTargets[0].health' 2> "$work/err")" = "$1" ]
}

scrapes() {
	start_prometheus
	check "prometheus scrapes hookd" until_true is_scraped || cat "$work/prometheus.log"
	is "without an error" "$(ask targets | jq -r '.data.activeTargets[0].lastError')" ''
	check "with all counters at 0" value_is \
		'hookd_hook_runs_total{stage="poststop",result="failed"}' 0
	run_hook 'exit 3' || true
	run_hook 'sleep 0.02; echo output'
	run_hook 'echo more output'
	check "it sees a hook that failed" until_true value_is \
		'hookd_hook_runs_total{stage="poststop",result="failed"}' 1
	check "and those that succeeded" until_true value_is \
		'sum(hookd_hook_runs_total{result="succeeded"})' 2
	check "their durations add up" until_true value_is \
		'hookd_hook_duration_seconds_bucket{stage="poststop",le="+Inf"}' 3
	check "a counter has its type" test "$(ask metadata --data-urlencode metric=hookd_hook_runs |
		jq -r '.data.hookd_hook_runs[0].type')" = counter
	is "the rules are loaded" "$(ask rules | jq '[.data.groups[].rules[] | select(.health == "ok")] | length')" \
		"$(grep -c 'alert:' "$docs/alerts.yml")"
}

# As Grafana does it: with the variables' values in their places.
dashboard_queries() {
	jq -r '.panels[].targets[].expr' "$docs/dashboard.json" |
		sed 's/\$__rate_interval/1m/g; s/\$instance/.*/g; s/\$job/.*/g'
}

# Some value that is a number.
has_result() { # EXPRESSION
	query "$1" | jq -e '.status == "success" and ([.data.result[].value[1] | select(. != "NaN")] | length > 0)' \
		> "$work/result" 2>&1
}

dashboard() {
	local expression count=0

	dashboard_queries > "$work/queries"
	is "no variable is left over" "$(grep -c '\$' "$work/queries" || true)" 0
	while read -r expression; do
		check "$expression" until_true has_result "$expression"
		count=$((count + 1))
	done < "$work/queries"
	check "the dashboard has queries" test "$count" -gt 20
	while read -r metric _; do
		case $metric in process_*) continue ;; esac
		contains "and shows $metric" "$work/queries" "$metric"
	done < <(documented_metrics)
}

alerts() {
	local status=0

	run_hook 'sleep 60' 1 || status=$?
	is "a run times out" "$status" 124
	check "an alert fires" until_true value_is 'count(ALERTS{alertname="HookdHooksTimeOut",alertstate="firing"})' 1
	check "hookd ends" stop_hookd
	check "prometheus tells that it is gone" until_true target_is down
	check "an alert is pending" until_true value_is 'count(ALERTS{alertname="HookdDown"})' 1
}

port=$(free_port)
configure "Listen=127.0.0.1:$port"
check "a hookd with metrics" start_hookd
texts
rules
scrapes
dashboard
alerts
tap_end
