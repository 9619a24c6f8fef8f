#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three tasks on two nodes.
#SBATCH -N 2
#SBATCH -n 3
#SBATCH -c 2
#SBATCH -t 5
#SBATCH -o uneven.out
echo "$SLURM_NNODES nodes, $SLURM_NTASKS tasks:" $(tr , '\n' <<<"$SLURM_TASKS_PER_NODE" | sort -n)
echo "tasks by node:" $(srun bash -c 'echo "$SLURM_NODEID"' | sort | uniq -c | awk '{ print $1 }' | sort -n)
