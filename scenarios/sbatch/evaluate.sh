#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --job-name=evaluate
#SBATCH --time=5
#SBATCH --output=/dev/null
cat model.txt fold-*.txt >evaluation.txt
