#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --job-name=fit
#SBATCH --gres=gpu:1
#SBATCH --time=5
#SBATCH --output=/dev/null
awk -v parts="$1" '{ sum += $1 } END { print sum / parts }' data.txt >model.txt
