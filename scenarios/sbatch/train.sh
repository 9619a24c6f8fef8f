#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One accelerator, its share of CPUs and memory; the script as it was written for Slurm.
#SBATCH --job-name=train
#SBATCH --partition=batch
#SBATCH --qos=normal
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=00:05:00
#SBATCH --output=%x-%j.out
#SBATCH --mail-type=END,FAIL
#SBATCH --mail-user=student@university.example
set -euo pipefail
cd "$SLURM_SUBMIT_DIR"
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
gpus=$(tr , '\n' <<<"$CUDA_VISIBLE_DEVICES" | wc -l)
echo "$SLURM_JOB_NAME: $SLURM_JOB_NUM_NODES node, $gpus accelerator ($SLURM_GPUS_ON_NODE), $OMP_NUM_THREADS threads, $SLURM_MEM_PER_NODE MB"
# Linear regression by gradient descent, as a training goes: loss per epoch.
python3 - >loss.csv <<'PYTHON'
points = [(x / 10, 3 * x / 10 + 2) for x in range(-20, 21)]
w = b = 0.0
for epoch in range(50):
    dw = sum((w * x + b - y) * x for x, y in points) / len(points)
    db = sum((w * x + b - y) for x, y in points) / len(points)
    w, b = w - 0.2 * dw, b - 0.2 * db
    print("%d,%.6f" % (epoch, sum((w * x + b - y) ** 2 for x, y in points)))
PYTHON
tail -n 1 loss.csv
