#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Threads of one task, with memory by CPU.
#SBATCH --job-name=openmp
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=512M
#SBATCH --hint=nomultithread
#SBATCH --time=0-00:05:00
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}
echo "$OMP_NUM_THREADS threads on $SLURM_CPUS_ON_NODE CPUs, $SLURM_MEM_PER_CPU MB each"
seq 1 8 | xargs -P "$OMP_NUM_THREADS" -I '{}' sh -c 'seq 1 {}000 | md5sum >part-{}.md5'
