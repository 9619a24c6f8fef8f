#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ends by a signal.
#SBATCH --time=5
#SBATCH --output=crashes.out
#SBATCH --no-requeue
ulimit -c 0
echo "before"
kill -SEGV $$
