#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ranks on whole nodes, which nobody else uses meanwhile.
#SBATCH --job-name=exclusive-mpi
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --exclusive
#SBATCH --mem=0
#SBATCH --time=5
#SBATCH --output=exclusive-mpi.out
echo "$SLURM_NTASKS ranks ($SLURM_TASKS_PER_NODE) on $SLURM_JOB_NUM_NODES nodes with $SLURM_CPUS_ON_NODE CPUs"
srun bash -c 'echo "rank $SLURM_PROCID of $SLURM_NTASKS, $SLURM_LOCALID on node $SLURM_NODEID"' | sort -V
