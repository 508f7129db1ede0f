#!/bin/sh
# block.sh GRACE SECONDS COMMAND ...
# A block of a batch system: when its time is up it gets SIGTERM, and SIGKILL after its grace. To the batch system that
# is no failure of the block, so it is none here either.
grace=$1 seconds=$2
shift 2
timeout --kill-after="$grace" "$seconds" "$@"
code=$?
case $code in 124 | 137) exit 0 ;; esac
exit $code
