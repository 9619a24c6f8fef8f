#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Steps by srun: one with all tasks, then two beside each other, then one with the exit code of a task.
#SBATCH --job-name=steps
#SBATCH --ntasks=4
#SBATCH --cpus-per-task=2
#SBATCH --mem-per-cpu=256M
#SBATCH --time=5:00
#SBATCH --output=steps.out
echo "$SLURM_NTASKS tasks with $SLURM_CPUS_PER_TASK CPUs on $SLURM_JOB_NUM_NODES node ($SLURM_TASKS_PER_NODE), $SLURM_MEM_PER_CPU MB for a CPU"
srun --label bash -c 'echo "task $SLURM_PROCID of $SLURM_NTASKS, $SLURM_LOCALID on node $SLURM_NODEID"' | sort
srun --ntasks=1 --exclusive bash -c 'seq 1 1000 | md5sum' >left.txt &
srun --ntasks=1 --exclusive bash -c 'seq 1001 2000 | md5sum' >right.txt &
wait
srun --ntasks=2 bash -c 'exit $((SLURM_PROCID * 5))' 2>/dev/null
echo "the last step ended with $?"
