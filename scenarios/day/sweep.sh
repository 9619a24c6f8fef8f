#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#SBATCH --job-name=sweep --array=0-5%2 --gres=gpu:1 --cpus-per-task=1 --mem=100M --time=2
#SBATCH --output=sweep-%A_%a.out
# One element of a sweep: the sum of squares up to its index times 1000, and a little time.
n=$((DAERO_ARRAY_TASK_ID * 1000))
total=$(awk -v n="$n" 'BEGIN { for (i = 1; i <= n; i++) s += i * i; printf "%.0f", s }')
sleep 4
echo "index $DAERO_ARRAY_TASK_ID sum $total"
[ "$total" = "$(awk -v n="$n" 'BEGIN { printf "%.0f", n * (n + 1) * (2 * n + 1) / 6 }')" ]
