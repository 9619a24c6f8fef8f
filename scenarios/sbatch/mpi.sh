#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Work split by rank over two nodes, as an MPI program does it, and put together by the first.
#SBATCH --job-name=pi
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=3
#SBATCH --mem=4G
#SBATCH --distribution=block
#SBATCH --time=10
#SBATCH --output=pi.out
srun awk 'BEGIN { rank = ENVIRON["SLURM_PROCID"]; n = ENVIRON["SLURM_NTASKS"]
    for (i = rank; i < 60000; i += n) { x = (i + 0.5) / 60000; sum += 4 / (1 + x * x) }
    printf "%.12f\n", sum / 60000 >("part-" rank ".txt") }'
cat part-*.txt | awk '{ pi += $1 } END { printf "pi %.8f of %d parts\n", pi, NR }'
echo "$SLURM_NTASKS ranks, $SLURM_TASKS_PER_NODE"
