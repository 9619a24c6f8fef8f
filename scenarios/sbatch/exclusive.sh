#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A whole node for itself.
#SBATCH --job-name=exclusive
#SBATCH --nodes=1
#SBATCH --exclusive
#SBATCH --time=5
#SBATCH --output=exclusive.out
echo "$SLURM_CPUS_ON_NODE CPUs on $SLURM_JOB_NUM_NODES node"
