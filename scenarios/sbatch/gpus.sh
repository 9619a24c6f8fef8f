#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two tasks share the job's accelerators, as with gres.
#SBATCH --ntasks=2
#SBATCH --gpus=2
#SBATCH --time=5
#SBATCH --output=gpus.out
echo "$SLURM_GPUS accelerators, $SLURM_GPUS_ON_NODE here"
srun bash -c 'echo "task $SLURM_PROCID sees $(tr , "\n" <<<"$CUDA_VISIBLE_DEVICES" | wc -l)"' | sort
