# SPDX-License-Identifier: Apache-2.0
"""What torchrun does, as far as a scheduler has to do with it: one launcher per node starts as many workers as that has
accelerators; all meet at one address, add up their ranks, and each says what it got."""
import argparse
import os
import socket
import sys
import time

parser = argparse.ArgumentParser()
for name in ("--nnodes", "--nproc_per_node"):
    parser.add_argument(name, type=int, required=True)
for name in ("--rdzv_id", "--rdzv_backend", "--rdzv_endpoint"):
    parser.add_argument(name, required=True)
options = parser.parse_args()
node = int(os.environ["SLURM_NODEID"])
world = options.nnodes * options.nproc_per_node
host, port = options.rdzv_endpoint.rsplit(":", 1)
devices = os.environ["CUDA_VISIBLE_DEVICES"].split(",")


def meet(server):
    """Rank 0: take a number from everybody, give the sum to everybody."""
    peers = [server.accept()[0] for _ in range(world - 1)]
    total = sum(int(peer.makefile().readline()) for peer in peers)
    for peer in peers:
        peer.sendall(b"%d\n" % total)
    return total


def join(rank):
    for _ in range(200):
        try:
            with socket.create_connection((host, int(port)), 30) as server:
                server.sendall(b"%d\n" % rank)
                return int(server.makefile().readline())
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("nobody at %s:%s" % (host, port))


def worker(local, server):
    rank = node * options.nproc_per_node + local
    total = meet(server) if rank == 0 else join(rank)
    os.write(1, b"rank %d of %d: accelerator %d of %d, sum %d\n" % (rank, world, local, len(devices), total))


server = socket.create_server((host, int(port))) if node == 0 else None
children = []
for local in range(options.nproc_per_node):
    child = os.fork()
    if child == 0:
        worker(local, server)
        os._exit(0)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
