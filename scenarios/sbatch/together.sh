#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three tasks that share files of one node's /tmp: they are on one node, however busy it is.
#SBATCH --nodes=1
#SBATCH --ntasks=3
#SBATCH --time=5
#SBATCH --output=together.out
shared=$(mktemp -d)
srun --export=ALL,shared="$shared" bash -c 'echo "rank $SLURM_PROCID" >"$shared/$SLURM_PROCID"'
echo "$SLURM_JOB_NUM_NODES node, $SLURM_NTASKS tasks, $SLURM_TASKS_PER_NODE"
cat "$shared"/*
