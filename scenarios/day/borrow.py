#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
#DAERO --job-name=borrow --tasks=3 --accelerators=2 --cpus=1 --memory=200M
#DAERO --limit=3m --warn=USR1 --grace=10s --checkpoint-on-warning
# Counts primes by trial division, a slice at a time. Warned (SIGUSR1), it saves where it is, says so with the marker
# file that Daero watches, and leaves; started again, it goes on from there. The answer must be that of an
# undisturbed run: 2,668 primes below 24,000.
import json, os, signal, sys, time

LIMIT = 24000
SLICE = 150
folder = os.environ["DAERO_CHECKPOINT_DIR"]
state_path = os.path.join(folder, "state.json")
warned = False


def warn(number, frame):
    global warned
    warned = True


def is_prime(n):
    return n >= 2 and all(n % d for d in range(2, int(n**0.5) + 1))


def save(state):
    with open(state_path + ".new", "w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(state_path + ".new", state_path)
    with open(os.path.join(folder, "saved"), "w") as file:
        file.write("%d\n" % state["next"])


signal.signal(signal.SIGUSR1, warn)
state = {"next": 0, "primes": 0, "resumed": 0}
if os.path.exists(state_path):
    with open(state_path) as file:
        state = json.load(file)
    state["resumed"] += 1
    print("attempt %s goes on at %d with %d primes" % (os.environ["DAERO_ATTEMPT"], state["next"], state["primes"]), flush=True)
else:
    print("attempt %s begins" % os.environ["DAERO_ATTEMPT"], flush=True)
while state["next"] < LIMIT:
    if warned:
        save(state)
        print("warned at %d: saved, leaving" % state["next"], flush=True)
        sys.exit(0)
    end = min(state["next"] + SLICE, LIMIT)
    state["primes"] += sum(1 for n in range(state["next"], end) if is_prime(n))
    state["next"] = end
    time.sleep(0.1)
print("answer: %d primes below %d, resumed %d time(s)" % (state["primes"], LIMIT, state["resumed"]), flush=True)
sys.exit(0 if state["primes"] == 2668 else 1)
