# SPDX-License-Identifier: Apache-2.0
"""daero.py: what the scripts of tests/engine and bench share.

A `Controller` is one data directory and the process that serves it: start, kill, start again. A
`Client` is one keep-alive connection to its socket. `Plan` prints TAP. Everything is made in one
new directory, which is removed at the end; only processes that were started here are signalled.
"""
import atexit
import http.client
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("DAERO_BUILD", os.path.join(ROOT, "build", os.environ.get("MODE", "release")))
PROGRAM = os.path.join(BUILD, "daero")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED",
         "OUT_OF_MEMORY", "DEADLINE")


def raise_files():
    """Thousands of connections need as many descriptors, on both sides."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Plan:
    """TAP on standard output. A check states what it found, so that a failure explains itself."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, right, what, found=""):
        self.count += 1
        if not right:
            self.failed += 1
            for line in str(found).splitlines()[-40:]:
                print("# " + line)
        print("%s %d - %s" % ("ok" if right else "not ok", self.count, what), flush=True)
        return bool(right)

    def skip(self, what, why):
        self.count += 1
        print("ok %d - %s # SKIP %s" % (self.count, what, why), flush=True)

    def note(self, text):
        print("# " + text, flush=True)

    def done(self):
        print("1..%d" % self.count, flush=True)
        sys.exit(1 if self.failed else 0)


def until(what, seconds=30.0, step=0.005):
    """Poll until `what()` is true; its value, or None when the time is over."""
    end = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            return None
        time.sleep(step)


class Gone(Exception):
    """No whole answer came: the request may have been carried out or not."""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    def __init__(self, path, timeout=30.0):
        self.path = path
        self.timeout = timeout
        self.connection = None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def raw(self, method, path, body=None, headers=None):
        """(status, bytes). An idle connection that the controller closed is opened again once."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        for fresh in (False, True):
            used = self.connection is not None
            try:
                if self.connection is None:
                    self.connection = UnixConnection(self.path, self.timeout)
                self.connection.request(method, path, body, headers)
                answer = self.connection.getresponse()
                data = answer.read()
                if answer.will_close:
                    self.close()
                return answer.status, data
            except (OSError, http.client.HTTPException) as error:
                self.close()
                # Only what was certainly not looked at may be sent again on its own.
                if used and not fresh and isinstance(
                        error, (http.client.RemoteDisconnected, BrokenPipeError,
                                ConnectionResetError)) and method == "GET":
                    continue
                raise Gone("%s %s: %r" % (method, path, error)) from None
        raise Gone("%s %s" % (method, path))

    def ask(self, method, path, body=None, headers=None):
        status, data = self.raw(method, path, body, headers)
        try:
            return status, json.loads(data) if data else None
        except ValueError:
            raise AssertionError("%s %s: no JSON: %r" % (method, path, data[:200])) from None

    def must(self, method, path, body=None, headers=None):
        status, answer = self.ask(method, path, body, headers)
        if status not in (200, 201):
            raise AssertionError("%s %s: %d %s" % (method, path, status, json.dumps(answer)))
        return answer

    def submit(self, job, headers=None):
        return self.must("POST", "/v1/jobs", job, headers)["job"]

    def job(self, job):
        return self.must("GET", "/v1/jobs/%d" % job)

    def jobs(self, query=""):
        """Every job that a query finds, through all its pages."""
        found, before = [], ""
        while True:
            page = self.must("GET", "/v1/jobs?limit=1000%s%s" % ("&" + query if query else "", before))
            found += page["jobs"]
            if page.get("next") is None or not page["jobs"]:
                return found
            before = "&before=%d" % page["next"]

    def ended(self, job, seconds=30.0):
        return until(lambda: (lambda j: j if j["state"] in ENDED else None)(self.job(job)), seconds, 0.01)

    def state(self, job, states, seconds=30.0):
        return until(lambda: (lambda j: j if j["state"] in states else None)(self.job(job)), seconds, 0.005)

    def facts(self, job):
        return self.must("GET", "/v1/jobs/%d/facts" % job)["facts"]

    def all_facts(self):
        facts, begin = [], 1
        while True:
            page = self.must("GET", "/v1/facts?from=%d&limit=1000" % begin)
            facts += page["facts"]
            if not page["facts"]:
                return facts
            begin = page["facts"][-1]["seq"] + 1


def federation(nodes=4, cpus=64, memory="64G", grace="2s", extra=""):
    """One site, this machine; one account; whoever runs the test is its administrator."""
    uid = os.getuid()
    job_user = "" if uid == 0 else "  job_user: %d\n" % uid
    return """federation:
  name: bad-days
  default_limit: 1h
  default_grace: %s
  default_jobs_max: 0
%s%s
sites:
  here:
    engine: local
    pools:
      plain:
        nodes: %d
        cpus: %d
        memory: %s
accounts:
  lab: {}
users:
  tester:
    uid: %d
    roles: [admin]
    accounts: [lab]
    default_account: lab
""" % (grace, job_user, extra, nodes, cpus, memory, uid)


class Controller:
    made = []

    def __init__(self, text=None, prefix="daero-test-", data=None):
        self.home = tempfile.mkdtemp(prefix=prefix, dir="/var/tmp")
        os.chmod(self.home, 0o755)
        self.data = data or os.path.join(self.home, "data")
        self.socket = os.path.join(self.data, "daero.sock")
        # Jobs run as an unprivileged user and write here.
        self.work = os.path.join(self.home, "work")
        os.mkdir(self.work)
        os.chmod(self.work, 0o777)
        self.federation = os.path.join(self.home, "federation.yaml")
        with open(self.federation, "w") as file:
            file.write(text or federation())
        self.log_path = os.path.join(self.home, "controller.log")
        self.process = None
        self.environment = {}
        self.wrapper = []
        Controller.made.append(self)

    def start(self, fault=None, wait=True, options=()):
        """Start it; with `wait`, until it answers. False: it ended before that (see log())."""
        command = self.wrapper + [PROGRAM, "serve", "--data", self.data, "--socket", self.socket] + list(options)
        if not os.path.exists(os.path.join(self.data, "facts.db")):
            command += ["--federation", self.federation]
        environment = dict(os.environ, **self.environment)
        environment.pop("DAERO_FAULT", None)
        if fault:
            environment["DAERO_FAULT"] = fault
        with open(self.log_path, "ab") as log:
            self.log_from = log.tell()
            self.started_at = time.time()
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment, start_new_session=True)
        return self.answers() if wait else True

    def answers(self, seconds=60.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            try:
                probe = Client(self.socket, 10.0)
                status, _ = probe.raw("GET", "/v1/health")
                probe.close()
                if status == 200:
                    return True
            except Gone:
                pass
            time.sleep(0.002)
        return False

    def must_start(self, **options):
        if not self.start(**options):
            raise AssertionError("the controller did not start:\n" + self.log())
        return self

    def client(self, timeout=30.0):
        return Client(self.socket, timeout)

    def log(self):
        """What it has said since its last start."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_from)
            return file.read().decode(errors="replace")

    def signal(self, number):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def wait(self, seconds=60.0):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def rss_kb(self):
        with open("/proc/%d/status" % self.process.pid) as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))

    def cancel_all(self, seconds=60.0):
        """Nothing of a test's jobs may outlive it."""
        client = self.client()
        live = [job["job"] for job in client.jobs("state=live")]
        for begin in range(0, len(live), 1000):
            client.must("POST", "/v1/jobs/cancel", {"jobs": live[begin:begin + 1000]})
        left = until(lambda: not client.must("GET", "/v1/jobs?state=live&limit=1")["jobs"], seconds, 0.02)
        client.close()
        return left

    def close(self):
        if self.process is None and not os.path.exists(self.data):
            self.remove()
            return
        try:
            self.wrapper, self.environment = [], {}
            if self.process is None or self.process.poll() is not None:
                self.start()
            self.cancel_all()
        except (AssertionError, Gone, OSError) as error:
            print("# clean-up: %s" % str(error).splitlines()[-1], file=sys.stderr)
        for shim in shims(self.data).values():
            try:
                os.kill(shim, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if self.process is not None:
            if self.stop() is None:
                self.kill()
        if not os.environ.get("KEEP"):
            self.remove()

    def mount(self, path, options):
        """A small file system of its own at `path`; False where that takes more rights."""
        return os.getuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", path], capture_output=True).returncode == 0

    def remove(self):
        with open("/proc/self/mounts") as file:
            mounts = [line.split()[1] for line in file]
        for path in mounts:
            if path.startswith(self.home + "/"):
                subprocess.run(["umount", path], check=False)
        shutil.rmtree(self.home, ignore_errors=True)


def shims(data):
    """{"JOB.ATTEMPT": pid} of the shims that work for a data directory, from the attempts' records
    (src/engine/attempt.h) and compared with the processes' start times."""
    found = {}
    folder = os.path.join(data, "attempts")
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                records = file.read()
        except OSError:
            continue
        at = 0
        while at + 16 <= len(records):
            kind, size, _ = struct.unpack_from("<IIQ", records, at)
            if kind == 2 and size >= 32:
                _, _, ticks, pid = struct.unpack_from("<qQQi", records, at + 16)
                if start_ticks(pid) == ticks:
                    found[name] = pid
            at += 16 + size
    return found


def start_ticks(pid):
    """0 for a process that is gone, or dead and not yet collected."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])


def processes_with(mark):
    """Processes whose environment or command line holds `mark`: how a test finds a job's tree."""
    found = []
    mark = mark.encode()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        for part in ("environ", "cmdline"):
            try:
                with open("/proc/%s/%s" % (name, part), "rb") as file:
                    if mark in file.read():
                        found.append(int(name))
                        break
            except OSError:
                break
    return found


@atexit.register
def _close_all():
    for controller in Controller.made:
        controller.close()


class Judge:
    """The file to which every job appends its number and attempt. It, not the controller, says what ran."""

    def __init__(self, controller):
        self.path = os.path.join(controller.work, "judge")
        open(self.path, "w").close()
        os.chmod(self.path, 0o666)

    def job(self, seconds=0.0, **more):
        line = 'echo "$DAERO_JOB_ID $DAERO_ATTEMPT" >>%s' % self.path
        script = "#!/bin/sh\n%s\n%s" % (line, "sleep %.2f\n" % seconds if seconds else "")
        return dict({"script": script, "output": "/dev/null", "directory": os.path.dirname(self.path)}, **more)

    def lines(self):
        with open(self.path) as file:
            return [tuple(int(word) for word in line.split()) for line in file]

    def verdict(self, client, accepted):
        """Sentences about what is wrong; none: no accepted job was lost, none ran twice without a reason
        on record, every end is known, and nothing ran that nobody asked for."""
        wrong = []
        runs = {}
        for job, attempt in self.lines():
            runs.setdefault(job, []).append(attempt)
        for job, attempts in sorted(runs.items()):
            if len(set(attempts)) != len(attempts):
                wrong.append("job %d ran an attempt twice: %s" % (job, attempts))
            if job not in accepted:
                wrong.append("job %d ran; no client was given this number" % job)
        known = {job["job"]: job for job in client.jobs("state=live")}
        known.update({job["job"]: job for job in client.jobs("state=ended")})
        for job in sorted(accepted):
            if job not in known:
                wrong.append("job %d was accepted and is not known any more" % job)
                continue
            state = known[job]["state"]
            if state != "COMPLETED":
                wrong.append("job %d is %s (%s)" % (job, state, known[job].get("reason")))
            if job not in runs:
                wrong.append("job %d never ran, its state is %s" % (job, state))
            elif len(runs[job]) > 1 or known[job].get("attempt", 1) > 1:
                ends = [fact for fact in client.facts(job) if fact["kind"] == "ATTEMPT_ENDED"]
                reasons = [fact.get("outcome") for fact in ends]
                if len(reasons) < max(runs[job]) or "EXITED" in reasons[:-1]:
                    wrong.append("job %d has attempts %s, with ends %s" % (job, runs[job], reasons))
        for job in sorted(set(known) - set(accepted)):
            wrong.append("job %d is known; no client was given this number" % job)
        return wrong


class Load(threading.Thread):
    """Submits jobs with a retry key each, and asks again, with the same key, until it has an answer."""

    def __init__(self, controller, make, count=None, batch=1, name="load", pause=0.0):
        super().__init__(daemon=True)
        self.client = controller.client(10.0)
        self.make = make
        self.count = count
        self.batch = batch
        self.label = "%s-%d-%d" % (name, os.getpid(), random.randrange(1 << 30))
        self.pause = pause
        self.accepted = set()
        self.repeated = 0
        self.retries = 0
        self.ending = False
        self.wrong = None

    def run(self):
        try:
            number = 0
            while not self.ending and (self.count is None or number < self.count):
                number += 1
                self.one(number)
                if self.pause:
                    time.sleep(self.pause)
        except BaseException as error:  # shown by the test
            self.wrong = error

    def one(self, number):
        body = self.make() if self.batch == 1 else {"jobs": [self.make() for _ in range(self.batch)]}
        key = "%s-%d" % (self.label, number)
        end = time.monotonic() + 120
        while True:
            try:
                status, answer = self.client.ask("POST", "/v1/jobs", body, {"Idempotency-Key": key})
            except Gone:
                self.retries += 1
                if time.monotonic() > end:
                    raise
                time.sleep(0.002)
                continue
            if status not in (200, 201):
                raise AssertionError("submit: %d %s" % (status, json.dumps(answer)))
            self.repeated += 1 if answer.get("repeated") else 0
            self.accepted.update(answer["jobs"] if self.batch > 1 else [answer["job"]])
            return

    def finish(self, seconds=150.0):
        self.ending = True
        self.join(seconds)
        if self.wrong is not None:
            raise self.wrong
        if self.is_alive():
            raise AssertionError("the load did not end")
        return self.accepted


def wait_all_ended(client, seconds=120.0):
    return until(lambda: not client.must("GET", "/v1/jobs?state=live&limit=1")["jobs"], seconds, 0.05)
