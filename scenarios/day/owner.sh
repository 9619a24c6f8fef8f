#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#SBATCH --job-name=owner --ntasks=1 --gpus-per-task=2 --mem=100M --time=00:01:00
# A job within its account's guarantee: takes back what others borrow.
sleep 7
echo "ran on ${DAERO_NODELIST}"
