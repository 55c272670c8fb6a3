#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh HOOKD GOPATH_OF_DEBIAN: generates Go bindings from proto/interfaces, builds client.go with
# them, and runs it against a private hookd.
set -euo pipefail
hookd=$1 gopath=$2
command -v varlink-go-interface-generator > /dev/null && command -v go > /dev/null ||
  { echo "# SKIP there is no go, or no varlink-go-interface-generator"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'kill $daemon 2> /dev/null || true; rm -rf "$work"' EXIT
daemon=

for interface in hooks status control settings; do
  folder=$work/src/bindings/iohookd$interface
  mkdir -p "$folder"
  cp "$here/../../proto/interfaces/io.hookd.$interface.varlink" "$folder/"
  (cd "$folder" && varlink-go-interface-generator "io.hookd.$interface.varlink")
done
GO111MODULE=off GOPATH=$work:$gopath GOCACHE=$work/cache CGO_ENABLED=0 \
  go build -o "$work/client" "$here/client.go"

mkfifo "$work/says"
"$hookd" --socket="$work/socket" --config=/dev/null --log-target=stderr 2> "$work/says" &
daemon=$!
exec 3< "$work/says"
until [ "${line:-}" = 'hookd: ready' ]; do read -r line <&3; done
# The last call is Drain, so hookd ends by itself.
"$work/client" "unix:$work/socket"
cat <&3
wait "$daemon"
