# SPDX-License-Identifier: Apache-2.0
"""Measures for the page to show: samples.py DIRECTORY, which has NAME.json and NAME.csv of some runs.

Writes NAME.json anew with what docs/measures.md lets be absent filled in from the schedule, and three files more: hostile.json, whose
names are markup; bare.json, which has next to nothing; wrong.json, whose members are of the wrong kinds."""

import csv
import json
import pathlib
import sys

COUNT = 96
HOSTILE = "</script><img src=x onerror=\"window.hacked=1\"><b>bold</b>"


class Bins:
    def __init__(self, begin, span):
        self.begin, self.span, self.step = begin, span, span / COUNT

    def empty(self):
        return [0.0] * COUNT

    def add(self, line, start, end, amount):
        start, end = start - self.begin, min(end - self.begin, self.span)
        for i in range(max(0, int(start / self.step)), COUNT):
            if i * self.step >= end:
                break
            line[i] += amount * (min(end, (i + 1) * self.step) - max(start, i * self.step)) / self.step


def waits(rows):
    edges = [0, 1, 10, 60, 300, 900, 3600, 4 * 3600, 86400]
    jobs = [0] * len(edges)
    for row in rows:
        if row["attempt"] == "1" and row["start_s"]:
            wait = float(row["start_s"]) - float(row["submit_s"])
            jobs[max(i for i, edge in enumerate(edges) if edge <= max(0, wait))] += 1
    return {"edges_s": edges, "jobs": jobs}


def fill(measures, rows, name):
    """Series as the schedule has them; capacities, caps and guarantees are made up."""
    bins = Bins(min(float(row["submit_s"]) for row in rows), measures["span_s"])
    total, running, pending, sites, accounts = bins.empty(), bins.empty(), bins.empty(), {}, {}
    for row in rows:
        if not row["start_s"]:
            continue
        start, end = float(row["start_s"]), float(row["end_s"] or bins.begin + bins.span)
        held = float(row["accelerators"])
        for line, amount in ((total, held), (running, 1)):
            bins.add(line, start, end, amount)
        bins.add(sites.setdefault(row["site"], bins.empty()), start, end, held)
        bins.add(accounts.setdefault(row["account"], bins.empty()), start, end, held)
        bins.add(pending, float(row["submit_s"]), start, row["attempt"] == "1")
    watts = lambda line, each: [int(value * each + 1e5) for value in line]
    places = {
        site: {
            "capacity": [640] * COUNT, "allocated": line, "power_w": watts(line, 900), "power_most_w": watts(line, 990),
            "cap_w": [600000 if i == 0 else None] * COUNT,
        }
        for i, (site, line) in enumerate(sorted(sites.items()))
    }
    measures["run"] = {"federation": "federation.yaml", "trace": "jobs.csv", "order": name, "backfill": "easy", "preemption": True, "estimates": "limit", "seed": 1}
    measures["series"] = {
        "from": measures["from"], "from_s": bins.begin, "step_s": bins.step, "count": COUNT,
        "capacity": [640 * len(places)] * COUNT, "allocated": total, "pending": pending, "pending_most": [value * 1.5 for value in pending],
        "running": running, "cpus_capacity": [9000] * COUNT, "cpus_allocated": [4 * value for value in total],
        "fragmentation": [None if i % 3 == 1 else i % 7 for i in range(COUNT)],
        "power_w": watts(total, 900), "power_most_w": watts(total, 990), "sites": places,
        "accounts": {
            account: {"allocated": line, "guarantee": [40 if i % 3 else None] * COUNT, "wanted": [1.2 * value for value in line]}
            for i, (account, line) in enumerate(sorted(accounts.items()))
        },
    }
    measures["wait_distribution"] = waits(rows)
    measures["fairness"] = {"largest_deviation": 0.031, "account": sorted(accounts)[0], "jain": 0.94}
    measures["guarantee_delay_s"] = measures["wait_s"]
    measures["power"] = {
        "peak_w": max(measures["series"]["power_most_w"]),
        "sites": {site: {"peak_w": max(about["power_most_w"]), "cap_w": about["cap_w"][0], "over_cap_s": 90} for site, about in places.items()},
    }
    measures["by_class"] = {"interactive": {"wait_s": measures["wait_s"]}}


def renamed(value):
    """Every name below an object of names becomes markup; so does every text."""
    if isinstance(value, dict):
        return {key: renamed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [renamed(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def hostile(measures):
    made = json.loads(json.dumps(measures))
    instants = made["from"], made["until"]
    for of, name in ((made, "by_account"), (made, "by_class"), (made, "by_size"), (made, "outcomes"), (made["power"], "sites"), (made["series"], "sites"), (made["series"], "accounts")):
        of[name] = {f"{HOSTILE}{i}": about for i, about in enumerate(of[name].values())}
    made["series"]["accounts"]["__proto__"] = next(iter(made["series"]["accounts"].values()))
    made = renamed(made)
    made["from"], made["until"] = instants
    made["series"]["from"] = instants[0]
    return made


def wrong(value, depth=0):
    """Texts in place of numbers, numbers in place of texts, lists one too short, at every second member."""
    if isinstance(value, dict):
        return {key: wrong(each, depth + 1) if i % 2 or depth < 1 else [key] for i, (key, each) in enumerate(value.items())}
    if isinstance(value, list):
        return value[:-1]
    return 7 if isinstance(value, str) else "seven"


def main(directory):
    runs = sorted(directory.glob("*.json"))
    for path in runs:
        measures = json.loads(path.read_text())
        rows = list(csv.DictReader(open(path.with_suffix(".csv"))))
        fill(measures, rows, path.stem)
        path.write_text(json.dumps(measures))
    kept = {"jobs": measures["jobs"], "wait_s": measures["wait_s"], "state_hash": measures["state_hash"]}
    (directory / "hostile.json").write_text(json.dumps(hostile(measures)))
    (directory / "bare.json").write_text(json.dumps({"jobs": 0, "wait_s": {}, "state_hash": "00ff"}))
    (directory / "wrong.json").write_text(json.dumps({**wrong(measures), **kept}))


main(pathlib.Path(sys.argv[1]))
