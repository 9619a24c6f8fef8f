#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# A script need not be a shell's; arguments come after its name.
#SBATCH --job-name=analyse
#SBATCH --cpus-per-task=2
#SBATCH --time=5
#SBATCH --output=%x.out
import os
import statistics
import sys

numbers = [float(word) for word in sys.argv[1:]]
print("%s: mean %.2f of %d, with %s CPUs" % (os.environ["SLURM_JOB_NAME"], statistics.mean(numbers), len(numbers),
                                             os.environ["SLURM_CPUS_PER_TASK"]))
