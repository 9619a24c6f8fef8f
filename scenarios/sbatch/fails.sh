#!/bin/bash -e
# SPDX-License-Identifier: Apache-2.0
# Ends with the code of the first command that fails.
#SBATCH --job-name=fails
#SBATCH --time=5
#SBATCH --output=fails.out
echo "before"
bash -c 'exit 3'
echo "after"
