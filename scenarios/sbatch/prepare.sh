#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --job-name=prepare
#SBATCH --time=5
#SBATCH --output=/dev/null
sleep 0.5
seq 1 100 >data.txt
