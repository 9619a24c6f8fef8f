#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An array of which two elements run at a time, since all read from one disk.
#SBATCH --job-name=throttle
#SBATCH --array=1-5%2
#SBATCH --time=0-0:05
#SBATCH --output=/dev/null
mkdir "reading-$SLURM_ARRAY_TASK_ID"
sleep 0.7
readers=$(ls -d reading-* | wc -l)
rmdir "reading-$SLURM_ARRAY_TASK_ID"
[ "$readers" -le 2 ] && echo "element $SLURM_ARRAY_TASK_ID: at most two at a time" >"throttle-$SLURM_ARRAY_TASK_ID.txt"
