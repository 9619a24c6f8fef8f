#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Of the submitting shell's variables it gets PATH and DATASET alone, and one of its own.
#SBATCH --export=PATH,DATASET,MODE=fast
#SBATCH --time=5
#SBATCH --output=environment.out
echo "DATASET=${DATASET-none} MODE=${MODE-none} SECRET=${SECRET-none}"
srun bash -c 'echo "a step: DATASET=${DATASET-none} MODE=${MODE-none} SECRET=${SECRET-none}"'
