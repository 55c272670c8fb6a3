#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Metrics over HTTP: addresses, modes, reloads, and clients of all kinds.
# usage: test_http.sh HOOKD HOOKCTL
set -euo pipefail
hookd=$1 hookctl=$2
. "$(dirname "$0")/lib.sh"
socket=$work/metrics.sock

get() { # CURL-OPTION...
	curl -sS --max-time 30 --unix-socket "$socket" "$@" http://hookd/metrics
}

reload() {
	kill -HUP "$daemon"
}

log_says() { # TEXT
	grep -qF -e "$1" "$work/log"
}

mode_is() { # MODE
	[ "$(stat -c %a "$socket" 2>&1)" = "$1" ]
}

is_removed() {
	[ ! -e "$socket" ]
}

port_answers() { # HOST:PORT
	curl -sS --max-time 5 "http://$1/metrics" 2> "$work/err" | grep -q '^hookd_build_info{'
}

port_is_closed() { # HOST:PORT
	! port_answers "$1"
}

refused_addresses() {
	local address

	for address in 0.0.0.0:9464 10.0.0.1:9464 '[::]:9464' '[::2]:9464' localhost:9464 :9464 9464 \
		127.0.0.1:0 127.0.0.1:65536 127.0.0.1:94x 128.0.0.1:1 unix:metrics.sock unix: unix:/tmp/ /tmp/x \
		"unix:/$(printf '%0120d' 0)"; do
		configure "Listen=$address"
		if "$hookd" --check-config --config="$work/hookd.conf" 2> "$work/err"; then
			not_ok "$address is refused"
		else
			contains "$address is refused" "$work/err" "hookd.conf:4:8: Listen: "
		fi
	done
	configure SocketMode=888
	"$hookd" --check-config --config="$work/hookd.conf" 2> "$work/err" || true
	contains "so is a wrong mode" "$work/err" 'SocketMode'
	configure SocketGroup=adm
	"$hookd" --check-config --config="$work/hookd.conf" 2> "$work/err" || true
	contains "and a group by its name" "$work/err" 'SocketGroup'
}

formats() {
	local openmetrics='application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'

	get -D "$work/head" > "$work/text"
	contains "the text format by default" "$work/head" 'Content-Type: text/plain; version=0.0.4; charset=utf-8'
	contains "with names of Prometheus" "$work/text" '# TYPE hookd_hook_runs_total counter'
	get -D "$work/head" -H "Accept: $openmetrics" > "$work/text"
	contains "OpenMetrics for Prometheus" "$work/head" \
		'Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8'
	contains "with names of families" "$work/text" '# TYPE hookd_hook_runs counter'
	is "and an end" "$(tail -n 1 "$work/text")" '# EOF'
	get --http1.0 > "$work/text"
	contains "HTTP/1.0" "$work/text" '# TYPE hookd_hook_runs_total counter'
	get -I > "$work/head"
	contains "HEAD" "$work/head" '200 OK'
	is "names no container" "$(get | grep -c 'c1')" 0
}

hostile_clients() {
	local line

	python3 "$(dirname "$0")/hostile.py" "$socket" "$daemon" > "$work/hostile" 2> "$work/err" || cat "$work/err"
	while read -r line; do
		case $line in
		ok*) ok "${line#ok }" ;;
		*) not_ok "${line#not_ok }" ;;
		esac
	done < "$work/hostile"
	contains "all of these were tried" "$work/hostile" 'no descriptor is left open'
	check "hookd still runs hooks" run_hook true
}

reloads() {
	local port port6

	port=$(free_port)
	configure "Listen=unix:$socket" SocketMode=0666
	reload
	check "a reload changes the mode" until_true mode_is 666
	configure "Listen=127.0.0.1:$port"
	reload
	check "a reload opens a port" until_true port_answers "127.0.0.1:$port"
	is "and removes the socket" "$(find "$socket" 2> /dev/null)" ''
	is "only there" "$(ss -Hltn "sport = :$port" | awk '{print $4}')" "127.0.0.1:$port"
	port6=$(free_port ::1 2> /dev/null || true)
	if [ -n "$port6" ]; then
		configure "Listen=[::1]:$port6"
		reload
		check "the port of IPv6" until_true port_answers "[::1]:$port6"
	else
		echo "# SKIP there is no IPv6 here"
	fi
	configure 'Listen=0.0.0.0:9464'
	reload
	check "a wrong address changes nothing" until_true log_says 'the configuration is unchanged'
	port_answers "${port6:+[::1]:$port6}${port6:-127.0.0.1:$port}" || true
	configure
	reload
	check "a reload closes it" until_true port_is_closed "127.0.0.1:$port"
}

sockets_of_others() {
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print("bound", flush=True); time.sleep(600)' \
		"$socket" > "$work/other" &
	others=$!
	check "another program has the socket" until_true grep -q bound "$work/other"
	configure "Listen=unix:$socket"
	reload
	check "hookd says so" until_true log_says "cannot listen on unix:$socket"
	check "and leaves it" test -S "$socket"
	check "and runs hooks" run_hook true
	kill -KILL "$others"
	wait "$others" 2> /dev/null || true
	others=
	reload
	check "a socket that was left is replaced" until_true get -o "$work/text"
	configure
	reload
	check "and removed" until_true is_removed
	echo text > "$socket"
	configure "Listen=unix:$socket"
	reload
	check "a file" until_true log_says "Address already in use"
	is "stays" "$(< "$socket")" text
	rm "$socket"
}

refused_addresses
configure "Listen=unix:$socket"
check "a hookd with metrics" start_hookd
is "the mode by default" "$(stat -c %a "$socket")" 600
formats
hostile_clients
reloads
sockets_of_others
gid=$(id -g)
[ "$gid" != 0 ] || gid=4711 # root may give it to any group
configure "Listen=unix:$socket" SocketMode=0640 SocketGroup="$gid"
reload
check "a mode" until_true mode_is 640
is "and a group" "$(stat -c %g "$socket")" "$gid"
check "hookd ends" stop_hookd
is "and removes its socket" "$(find "$socket" 2> /dev/null)" ''
tap_end
