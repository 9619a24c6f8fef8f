#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The signal goes to the steps and not to the script, which could not bear it: the trainer in the step saves and ends.
#SBATCH --job-name=lightning
#SBATCH --ntasks=2
#SBATCH --time=2
#SBATCH --signal=SIGUSR1@110
#SBATCH --output=lightning.out
srun python3 -c '
import os, signal, sys
rank = os.environ["SLURM_PROCID"]
def save(number, frame):
    print("rank %s saved" % rank, flush=True)
    sys.exit(0)
signal.signal(signal.SIGUSR1, save)
signal.alarm(60)
signal.pause()' | sort
echo "the script goes on"
