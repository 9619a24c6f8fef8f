#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where it runs, what it reads, and where its words go.
#SBATCH --job-name=files
#SBATCH --chdir=run
#SBATCH --input=numbers.txt
#SBATCH --output=%x-%6j.log
#SBATCH --error=%x-%j.err
#SBATCH --open-mode=append
#SBATCH --time=5
awk '{ sum += $1 } END { print "sum", sum }'
basename "$PWD"
[ "$(basename "$SLURM_SUBMIT_DIR")" != run ] && echo "submitted from elsewhere"
echo "to standard error" >&2
