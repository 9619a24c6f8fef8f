#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#SBATCH --time=5
#SBATCH --output=/dev/null
sleep 0.3
echo "$1" >>"$2"
