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
. "$here/../containers/daemon.sh"
trap 'kill $daemon 2> /dev/null || true; rm -rf "$work"' EXIT

for interface in hooks status control settings; do
  folder=$work/src/bindings/iohookd$interface
  mkdir -p "$folder"
  cp "$here/../../proto/interfaces/io.hookd.$interface.varlink" "$folder/"
  (cd "$folder" && varlink-go-interface-generator "io.hookd.$interface.varlink")
done
GO111MODULE=off GOPATH=$work:$gopath GOCACHE=$work/cache CGO_ENABLED=0 \
  go build -o "$work/client" "$here/client.go"

launch_hookd "$work/log" "$hookd" --socket="$work/socket" --config=/dev/null || { cat "$work/log"; exit 1; }
# The last call is Drain, so hookd ends by itself.
"$work/client" "unix:$work/socket"
wait "$daemon"
wait # for what reads its log
cat "$work/log"
