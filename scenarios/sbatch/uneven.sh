#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three tasks on two nodes.
#SBATCH -N 2
#SBATCH -n 3
#SBATCH -c 2
#SBATCH -t 5
#SBATCH -o uneven.out
echo "$SLURM_NNODES nodes, $SLURM_NTASKS tasks: $SLURM_TASKS_PER_NODE"
srun bash -c 'echo "task $SLURM_PROCID, $SLURM_LOCALID on node $SLURM_NODEID"' | sort
