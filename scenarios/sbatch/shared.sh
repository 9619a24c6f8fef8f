#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Loaders beside one accelerator: six tasks that can't have a part of it each.
#SBATCH --job-name=shared
#SBATCH --ntasks=6
#SBATCH --gres=gpu:1
#SBATCH --mem-per-cpu=100M
#SBATCH --time=5
#SBATCH --output=shared.out
echo "$SLURM_NTASKS tasks ($SLURM_TASKS_PER_NODE), $SLURM_GPUS_ON_NODE accelerator, $SLURM_MEM_PER_CPU MB for a CPU, $SLURM_CPUS_ON_NODE CPUs"
srun bash -c 'echo "task $SLURM_PROCID sees $(tr , "\n" <<<"$CUDA_VISIBLE_DEVICES" | wc -l)"' | sort
