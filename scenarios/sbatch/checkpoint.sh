#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Saves its work when its time is nearly up, has itself run again, and goes on from there.
#SBATCH --job-name=checkpoint
#SBATCH --partition=batch
#SBATCH --time=00:02:00
#SBATCH --signal=B:USR1@110
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=checkpoint.out
save() {
    echo "$epoch" >state
    echo "saved"
    scontrol requeue "$SLURM_JOB_ID"
    exec sleep 30 # until that ends it, without a word
}
trap save USR1
epoch=0 last=600
if [ -e state ]; then
    epoch=$(cat state)
    last=$((epoch + 5))
    echo "goes on where it was; it was run again ${SLURM_RESTART_COUNT:-0} time"
fi
while [ "$epoch" -lt "$last" ]; do
    sleep 0.1 &
    wait $! # a signal is taken at once, not after the epoch
    epoch=$((epoch + 1))
done
rm -f state
echo "trained"
