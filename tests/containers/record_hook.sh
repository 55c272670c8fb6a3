#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A hook that records its attributes in FOLDER. Runs on the host and, by busybox, in the container.
# Usage: record_hook.sh FOLDER STAGE INDEX
folder=$1 name=$2.$3
echo "$name" >> "$folder/order"
cat > "$folder/$name.state"
{
	stat -L -c '%n %i' /proc/self/ns/*
	# Not SigIgn: hooks that crun runs itself inherit that it ignores SIGPIPE; those of hookd do not.
	grep -E '^(Uid|Gid|Groups|NoNewPrivs|Seccomp|SigBlk|Cap...):' /proc/self/status
	read -r score < /proc/self/oom_score_adj
	echo "oom_score_adj $score"
	umask
	pwd
} > "$folder/$name.world"
env > "$folder/$name.env"
