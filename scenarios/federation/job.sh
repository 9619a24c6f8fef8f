#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the jobs of scenarios/federation do. Each start and each end of a task appends a line to a file that all
# sites share, so that these files, not Daero, say what ran, where and how often.
#
#   job.sh sleep SECONDS | gate FILE | exit CODE | signal NAME | sum N
#
# gate: runs until FILE is there.
node=${SLURMD_NODENAME:-$DAERO_NODELIST}
line="$DAERO_JOB_ID $DAERO_ATTEMPT ${DAERO_TASK_ID:-0} $DAERO_SITE ${DAERO_CHIP:--} $node"
echo "$line" >>started
case $1 in
sleep) sleep "$2" ;;
gate) while [ ! -e "$2" ]; do sleep 0.1; done ;;
exit) exit "$2" ;;
signal) kill -s "$2" $$ ;;
sum) echo "sum $DAERO_ARRAY_TASK_ID $(awk -v n=$((DAERO_ARRAY_TASK_ID * $2)) 'BEGIN { for (i = 1; i <= n; i++) s += i; printf "%d", s }')" ;;
*) exit 64 ;;
esac
echo "on $node of $DAERO_SITE, chip ${DAERO_CHIP:-none}${DAERO_CHIP_VIRTUAL:+ (virtual)}"
echo "$line" >>ended
