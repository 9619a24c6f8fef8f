#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A launch on several nodes as torchrun wants it: one launcher per node, each starts a worker per accelerator; they meet
# at the first node. rendezvous.py stands in for torchrun and takes the same options.
#SBATCH --job-name=torchrun
#SBATCH --partition=batch
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=00:10:00
#SBATCH --output=torchrun-%j.out
set -e
nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
head_node=${nodes[0]}
head_ip=$(srun --nodes=1 --ntasks=1 -w "$head_node" hostname --ip-address | awk '{ print $1 }')
port=$((20000 + SLURM_JOB_ID % 10000))
echo "${#nodes[@]} nodes of $SLURM_NNODES, $SLURM_GPUS_PER_NODE ($SLURM_GPUS_ON_NODE here) accelerators each, $SLURM_NTASKS_PER_NODE launcher each"
srun python3 rendezvous.py --nnodes "$SLURM_NNODES" --nproc_per_node "$SLURM_GPUS_ON_NODE" \
    --rdzv_id "$SLURM_JOB_ID" --rdzv_backend c10d --rdzv_endpoint "$head_ip:$port" | sort >reduced.txt
