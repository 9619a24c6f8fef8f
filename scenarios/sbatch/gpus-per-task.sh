#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each task of a step sees its own accelerator.
#SBATCH --ntasks=2
#SBATCH --gpus-per-task=1
#SBATCH --time=5
#SBATCH --output=gpus-per-task.out
echo "$SLURM_GPUS_ON_NODE accelerators here, $SLURM_GPUS_PER_TASK for a task"
srun bash -c 'echo "task $SLURM_PROCID sees $(tr , "\n" <<<"$CUDA_VISIBLE_DEVICES" | wc -l)"' | sort
