#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#DAERO --job-name=gang --tasks=4 --accelerators=1 --cpus=1 --memory=200M --limit=2m --every-task
#DAERO --level=preferred:block
# A gang that computes something together. Each of the tasks has a slice of the inner dimension of a matrix product;
# they find each other through MASTER_ADDR, add their partial products up by a ring all-reduce (reduce-scatter,
# then all-gather, as training frameworks do), and every task checks the sum against the whole product.
import os, socket, struct, sys, time

N = 48
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
address, port = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
deadline = time.monotonic() + 60


def element(seed, i, j):
    return (seed + 7 * i + 13 * j + i * j) % 101 - 50


def receive(peer, count):
    data = b""
    while len(data) < count:
        piece = peer.recv(count - len(data))
        if not piece:
            raise SystemExit("rank %d: a peer left" % rank)
        data += piece
    return data


def connect(host, number):
    while True:
        try:
            return socket.create_connection((host, number), timeout=30)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


# Everybody listens; rank 0 gathers the addresses at MASTER_ADDR and gives the list to all.
server = socket.socket()
server.settimeout(60)
server.bind(("", 0))
server.listen(size)
mine = (socket.gethostname() if address not in ("127.0.0.1", "localhost") else "127.0.0.1", server.getsockname()[1])
if rank == 0:
    door = socket.socket()
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.settimeout(60)
    door.bind((address, port))
    door.listen(size)
    table = {0: mine}
    guests = []
    while len(table) < size:
        guest, _ = door.accept()
        length = struct.unpack("!I", receive(guest, 4))[0]
        number, host, guest_port = receive(guest, length).decode().split(" ")
        table[int(number)] = (host, int(guest_port))
        guests.append(guest)
    text = ";".join("%s %d" % table[r] for r in range(size)).encode()
    for guest in guests:
        guest.sendall(struct.pack("!I", len(text)) + text)
else:
    master = connect(address, port)
    text = ("%d %s %d" % (rank, mine[0], mine[1])).encode()
    master.sendall(struct.pack("!I", len(text)) + text)
    text = receive(master, struct.unpack("!I", receive(master, 4))[0])
peers = [(p.split(" ")[0], int(p.split(" ")[1])) for p in text.decode().split(";")]
right = connect(*peers[(rank + 1) % size])
left, _ = server.accept()

# My part: columns of A and rows of B in my slice of the inner dimension.
slice_of = range(rank * N // size, (rank + 1) * N // size)
part = [sum(element(1, i, k) * element(2, k, j) for k in slice_of) for i in range(N) for j in range(N)]

# Ring all-reduce over `size` chunks.
bounds = [(c * len(part) // size, (c + 1) * len(part) // size) for c in range(size)]


def exchange(out, into):
    low, high = bounds[out]
    right.sendall(struct.pack("!%dq" % (high - low), *part[low:high]))
    low, high = bounds[into]
    return low, high, struct.unpack("!%dq" % (high - low), receive(left, 8 * (high - low)))


for step in range(size - 1):
    low, high, got = exchange((rank - step) % size, (rank - step - 1) % size)
    for i in range(low, high):
        part[i] += got[i - low]
for step in range(size - 1):
    low, high, got = exchange((rank - step + 1) % size, (rank - step) % size)
    part[low:high] = got

whole = [sum(element(1, i, k) * element(2, k, j) for k in range(N)) for i in range(N) for j in range(N)]
time.sleep(2)
good = part == whole
print("rank %d of %d at %s:%d: product %s, trace %d, accelerators %s" % (
    rank, size, address, port, "right" if good else "WRONG", sum(part[i * N + i] for i in range(N)),
    os.environ.get("DAERO_VISIBLE_DEVICES", "")), flush=True)
sys.exit(0 if good else 1)
