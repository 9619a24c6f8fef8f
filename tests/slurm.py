# SPDX-License-Identifier: Apache-2.0
"""slurm.py: real Slurm clusters on loopback (tests/engine/slurm-cluster) and a controller over them, for the
scripts of tests/engine and bench.

A `Cluster` is brought up in a new directory and taken down at the end, after the controllers, so that
nothing of a test's jobs outlives it. `Missing`: the Debian packages are not here, or it isn't root."""
import atexit
import datetime
import http.client
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import daero

TOOL = os.path.join(daero.ROOT, "tests", "engine", "slurm-cluster")
API = "/slurm/v0.0.38/"


class Missing(Exception):
    """What keeps real clusters from being had here, in words."""


class Cluster:
    made = []

    def __init__(self, name, nodes=2, cpus=16, lines=(), gpus=0):
        if os.getuid() != 0:
            raise Missing("Slurm's daemons need root")
        try:
            pwd.getpwnam("nobody")
        except KeyError:
            raise Missing("jobs run as nobody, and there is no such user") from None
        self.name, self.nodes, self.cpus, self.gpus = name, nodes, cpus, gpus
        self.home = tempfile.mkdtemp(prefix="daero-slurm-", dir="/tmp")
        os.chmod(self.home, 0o755)
        Cluster.made.append(self)
        more = [word for line in lines for word in ("--conf-line", line)]
        for tries in range(12):
            self.port = 18000 + (os.getpid() * 7 + len(Cluster.made) * 53 + tries * 31) % 130 * 100
            done = subprocess.run([TOOL, "up", self.home, "--name", name, "--nodes", str(nodes), "--cpus", str(cpus), "--gpus", str(gpus),
                                   "--base-port", str(self.port)] + more, capture_output=True, text=True)
            if done.returncode == 0:
                break
            if "missing programs" in done.stderr:
                self.down()
                raise Missing("Slurm is not installed (tools/setup slurm)")
            if "ports in use" not in done.stderr:
                raise AssertionError("no cluster: " + done.stderr)
        else:
            raise AssertionError("no cluster: " + done.stderr)
        self.values = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
        self.conf = self.values["SLURM_CONF"]
        self.key = os.path.join(self.home, "etc", "jwt_hs256.key")
        self.url = self.values["SLURMREST_URL"]

    def daemon(self, action, what, *signal):
        done = subprocess.run([TOOL, action, self.home, what, *signal], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError("%s %s: %s" % (action, what, done.stderr))

    def kill(self, what):
        self.daemon("stop", what, "KILL")

    def start(self, what):
        self.daemon("start", what)

    def token(self, user):
        """For a user's requests; of a day."""
        return subprocess.run([TOOL, "token", self.home, "--user", user], capture_output=True, text=True,
                              check=True).stdout.strip()

    def command(self, *words):
        """What one of Slurm's commands prints."""
        return subprocess.run(words, capture_output=True, text=True, check=True,
                              env=dict(os.environ, SLURM_CONF=self.conf)).stdout

    def get(self, path):
        """The JSON of a request in root's name."""
        for tries in range(5):  # slurmrestd resets a connection now and then
            connection = http.client.HTTPConnection("127.0.0.1", self.port + 1, timeout=60)
            try:
                connection.request("GET", API + path, headers={"X-SLURM-USER-NAME": "root",
                                                               "X-SLURM-USER-TOKEN": self.values["SLURM_TOKEN"]})
                return json.loads(connection.getresponse().read())
            except ConnectionError:
                if tries == 4:
                    raise
                time.sleep(0.2)
            finally:
                connection.close()

    def jobs(self, states="all"):
        """[(number, state, comment)] by squeue."""
        text = self.command("squeue", "-h", "-t", states, "-o", "%A|%T|%k")
        return [tuple(line.split("|", 2)) for line in text.splitlines()]

    def accepted(self):
        """{number: when slurmctld took a submission up, seconds since 1970}, by its own log: the instant of
        the line less what it says the request took."""
        found = {}
        with open(os.path.join(self.home, "log", "slurmctld.log"), errors="replace") as file:
            for line in file:
                match = re.match(r"\[(\S+)\] _slurm_rpc_submit_batch_job: JobId=(\d+) .*usec=(\d+)", line)
                if match:
                    found[int(match.group(2))] = log_seconds(match.group(1)) - int(match.group(3)) / 1e6
        return found

    def down(self):
        if self in Cluster.made:
            Cluster.made.remove(self)
            subprocess.run([TOOL, "down", self.home, "--purge"], capture_output=True)
            shutil.rmtree(self.home, ignore_errors=True)


def log_seconds(text):
    """Of the local time in slurmctld's log."""
    return datetime.datetime.fromisoformat(text).timestamp()


def site(cluster, url=None, name=None, chip=None):
    """The lines of a federation file for a site; `url` and `name`: of another one of the same form; `chip`: what its
    accelerators are called."""
    name = name or cluster.name
    return """  %s:
    engine: slurm
    slurm: {url: "%s", key: %s, conf: %s}
    pools:
      %s-plain:
        nodes: %d
        cpus: %d
        memory: 64G
        node_names: %s1
        partition: batch
%s""" % (name, url or cluster.url, cluster.key, cluster.conf, name, cluster.nodes, cluster.cpus, name,
         "        chip: %s\n        accelerators: %d\n" % (chip, cluster.gpus) if chip else "")


def federation(sites):
    """Slurm sites, and nothing on this machine itself."""
    text = daero.federation()
    begin, end = text.index("sites:\n"), text.index("accounts:\n")
    return text[:begin] + "sites:\n" + "".join(sites) + text[end:]


def answering(client, names, seconds=60.0):
    """Wait until the named sites answer and have their nodes; the sites as they are told."""
    def there():
        sites = {one["name"]: one for one in client.must("GET", "/v1/sites")["sites"]}
        return sites if all(sites[name]["answers"] and sites[name]["nodes_up"] == sites[name]["nodes"] > 0
                            for name in names) else None
    return daero.until(there, seconds, 0.05)


def close_all():
    for controller in list(daero.Controller.made):
        controller.close()
        daero.Controller.made.remove(controller)
    for cluster in list(Cluster.made):
        cluster.down()


atexit.register(close_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a time limit leaves no daemons behind either
