#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hookctl plot` of a container with all kinds of ends, and with names that attack XML: what a browser has
# in its DOM, how it is coloured, and what Perfetto gets. usage: test_plot.sh HOOKD HOOKCTL SHIM
. "$(dirname "$0")/lib.sh"

# Opens a picture in Chromium. Prints "CLASS | TITLE | LABEL | RECT=COLOUR..." for each hook, from the DOM.
cat > "$work/look.js" <<'EOF'
const lines = [...document.querySelectorAll("g.hook")].map(hook => [
  hook.className.baseVal.replace("hook ", ""),
  hook.querySelector("title").textContent,
  hook.querySelector("text").textContent,
  [...hook.querySelectorAll("rect")].map(rect =>
    rect.className.baseVal + "=" + getComputedStyle(rect).fill).join(" ")].join(" | "));
const box = document.documentElement.getBBox(), picture = document.documentElement;
if (box.x < 0 || box.y < 0 || box.width > picture.width.baseVal.value || box.height > picture.height.baseVal.value)
  lines.push("something is outside of the picture");
const seen = document.createElementNS("http://www.w3.org/2000/svg", "desc");
seen.textContent = "\nSEEN\n" + lines.join("\n") + "\nEND\n";
picture.append(seen);
EOF
look() { # SVG
	{
		sed '$d' "$1"
		printf '<script><![CDATA[%s]]></script></svg>\n' "$(< "$work/look.js")"
	} > "$work/look.svg"
	timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
		--user-data-dir="$work/chromium" --dump-dom "file://$work/look.svg" > "$work/dom" 2> "$work/chromium.log"
	sed -n '/^SEEN$/,/^END$/p' "$work/dom" | sed '1d;$d' |
		python3 -c 'import html, sys; sys.stdout.write(html.unescape(sys.stdin.read()))'
}

start_hookd
hostile=$'a<b>&"\'\u0001\u001b[31m]]>\u202e/c\uffff'
id=$'a<b>&"\'\u202e]]>'
long=/$(printf 'long%.0s' {1..900})
run_hooks web createRuntime '[{"path": "/bin/true"},
	{"path": "/bin/sh", "args": ["sh", "-c", "echo no address left >&2; exit 3"]}, {"path": "/bin/ls"}]' 2> "$work/err" || true
run_hooks web prestart '[{"path": "/bin/sh", "args": ["sh", "-c", "kill -SEGV $$"]}]' 2> "$work/err" || true
run_hooks web poststart '[{"path": "/bin/sleep", "args": ["sleep", "60"], "timeout": 1}]' 2> "$work/err" || true
run_hooks web poststop "$(jq -nc --arg hostile "/$hostile" --arg long "$long" \
	'[{path: $hostile}, {path: $long}, {path: "/bin/true"}]')" 2> "$work/err" || true
check "a hostile container" run_hooks "$id" poststop '[{"path": "/bin/true"}]'
mkfifo "$work/go"
run_hooks web poststart "$(jq -nc --arg go "$work/go" \
	'[{path: "/bin/sh", args: ["sh", "-c", "echo here; read x < \($go)"]}]')" 2> "$work/err" &
going=$!
for _ in {1..200}; do [ -z "$("$hookctl" ps -q --state=running)" ] || break; sleep 0.05; done

"$hookctl" plot web > "$work/web.svg"
"$hookctl" plot web -o "$work/file.svg"
"$hookctl" plot "$id" --output="$work/hostile.svg"
"$hookctl" plot web --format=trace > "$work/web.json"
check "the picture is XML" python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1]); m.parse(sys.argv[2])' \
	"$work/web.svg" "$work/hostile.svg"
is "-o writes the same picture" "$(grep -c '<g class="hook' "$work/file.svg")" "$(grep -c '<g class="hook' "$work/web.svg")"

# ---- the DOM ----

if command -v chromium > /dev/null; then
	look "$work/web.svg" > "$work/seen"
	grey='rgb(187, 187, 187)' blue='rgb(72, 120, 168)' red='rgb(192, 57, 43)' orange='rgb(214, 137, 16)'
	row() { # NAME REGEX
		if grep -qP -e "$2" "$work/seen"; then ok "$1"; else not_ok "$1" "$2" "$(< "$work/seen")"; fi
	}
	row "a hook that succeeded" "^succeeded \\| createRuntime #0 /bin/true: succeeded, queued \\S+, ran \\S+, drained \\S+ \\| #0 true \\S+ \\| (queue=\\Q$grey\\E )?run=\\Q$blue\\E"
	row "one that failed is red" "^failed \\| createRuntime #1 /bin/sh: failed \\(3\\), .* \\| #1 sh \\S+ failed \\(3\\) \\| run=\\Q$red\\E"
	row "one that was skipped has no bar" '^skipped \| createRuntime #2 /bin/ls: skipped, queued 0us, ran 0us, drained 0us \| #2 ls skipped \| $'
	row "one that was killed" "^failed \\| prestart #0 /bin/sh: failed \\(SIGSEGV\\), .*run=\\Q$red\\E"
	row "one that timed out is orange" "^timed_out \\| poststart #0 /bin/sleep: timed out, queued \\S+, ran 1\\.\\d+s, .*run=\\Q$orange\\E"
	row "one that runs" "^running \\| poststart #0 /bin/sh: running, .*run=\\Q$blue\\E"
	row "a hostile path is text" "^failed \\| poststop #0 \\Q/a<b>&\"'\\x01\\x1b[31m]]>\\u202e/c\\uffff\\E: failed \\(ENOENT: not started\\)"
	row "a long path is whole in the title" "^failed \\| poststop #1 $long: failed"
	row "and cut in the label" ' \| #1 longlonglonglonglonglon… '
	is "there is a row for each hook" "$(wc -l < "$work/seen")" 9
	look "$work/hostile.svg" > "$work/seen"
	row "its hook" '^succeeded \| poststop #0 /bin/true: succeeded'
	is "is the only one" "$(wc -l < "$work/seen")" 1
	contains "and its name in the title" "$work/dom" "a&lt;b&gt;&amp;\"'\\u202e]]&gt;: 1 run"
else
	ok "the DOM # SKIP no chromium"
fi

# ---- for Perfetto ----

is "a thread for each run" "$(jq -r '[.traceEvents[] | select(.name == "thread_name") | .args.name | split(" ")[0]] | join(" ")' "$work/web.json")" \
	"createRuntime prestart poststart poststop poststart"
is "the hooks, with what has become of them" \
	"$(jq -r '[.traceEvents[] | select(.cat == "hook" and .tid <= 3) | "\(.name):\(.args.outcome)"] | join(" ")' "$work/web.json")" \
	"#0 /bin/true:exited #1 /bin/sh:exited #0 /bin/sh:signaled #0 /bin/sleep:timed_out"
is "no event of a thread begins before the last has ended" "$(jq '[.traceEvents | map(select(.ph == "X")) | group_by(.tid)[] |
	. as $e | range(1; length) | select($e[.].ts < $e[. - 1].ts + $e[. - 1].dur)] | length' "$work/web.json")" 0

# ---- one run, terminals, mistakes ----

run=$("$hookctl" plot --format=trace web | jq -r '[.traceEvents[] | select(.name == "thread_name")][1].args.name | split(" ")[1]')
is "a beginning of an id is enough" "$("$hookctl" plot "${run:0:8}" | grep -c '<g class="hook')" 1
status=0
script -qec "'$hookctl' plot web" /dev/null > "$work/out" < /dev/null || status=$?
is "nothing is drawn on a terminal" "$status" 2
contains "but said what to do" "$work/out" "Hint: hookctl plot web -o plot.svg"
status=0
"$hookctl" plot nobody > "$work/out" 2> "$work/err" || status=$?
is "an unknown container" "$status" 125
is "has no picture" "$(cat "$work/out")" ""
contains "but a message" "$work/err" "no such run or container: nobody"
status=0
"$hookctl" plot web -o "$work/nowhere/x.svg" 2> "$work/err" || status=$?
is "a file that cannot be written" "$status" 2
contains "is named" "$work/err" "--output=$work/nowhere/x.svg: No such file or directory"
status=0
"$hookctl" plot web -o /dev/full 2> "$work/err" || status=$?
is "a file that is full is an error" "$status $(< "$work/err")" '125 hookctl: --output=/dev/full: No space left on device'
status=0
"$hookctl" plot web > /dev/full 2> "$work/err" || status=$?
is "a full disk" "$status" 125

echo go > "$work/go"
wait "$going"
tap_end
