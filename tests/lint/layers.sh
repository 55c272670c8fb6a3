#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Includes point down: ipc -> run -> {apply, policy} -> base; proto knows nobody.
set -euo pipefail
status=0
forbid() { # FOLDER PATTERN
  if grep -rnE "#include [<\"]($2)" "$1" --include='*.[ch]'; then
    echo "$1 must not include that"
    status=1
  fi
}
forbid proto 'daemon/|client/|event2/|systemd/|jansson'
forbid daemon/base 'daemon/(ipc|run|apply|policy|hookd\.h)|jansson'
forbid daemon/apply 'daemon/(ipc|run|policy|hookd\.h)|jansson|proto/json'
forbid daemon/policy 'daemon/(ipc|run|apply|hookd\.h)|event2/|jansson|proto/json'
forbid daemon/run 'daemon/(ipc|hookd\.h)|jansson|proto/(json\.h|varlink)'
forbid daemon/ipc 'jansson|systemd/'
forbid client 'daemon/|event2/'
exit $status
