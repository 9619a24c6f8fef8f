#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --job-name=fold
#SBATCH --array=1-3
#SBATCH --time=5
#SBATCH --output=/dev/null
awk -v k="$SLURM_ARRAY_TASK_ID" 'NR % k == 0 { n++ } END { print k, n }' data.txt >"fold-$SLURM_ARRAY_TASK_ID.txt"
