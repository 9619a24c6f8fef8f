#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A sweep over learning rates: one element of an array for each, every second index.
#SBATCH -J sweep
#SBATCH -p batch
#SBATCH --array=0-8:2
#SBATCH -t 5
#SBATCH -o sweep-%A_%a.out
#SBATCH -e sweep-%A_%3a.err
rates=(0.1 0 0.2 0 0.4 0 0.8 0 1.6)
rate=${rates[$SLURM_ARRAY_TASK_ID]}
echo "element $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT, from $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX by $SLURM_ARRAY_TASK_STEP"
echo "rate $rate" >&2
[ -e "sweep-${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}.out" ] && echo "its output has its array's number"
awk -v rate="$rate" 'BEGIN { w = 0; for (i = 0; i < 30; i++) w -= rate * (w - 3); printf "%s,%.6f\n", rate, w }' >"rate-$SLURM_ARRAY_TASK_ID.csv"
