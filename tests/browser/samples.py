# SPDX-License-Identifier: Apache-2.0
"""Odd measures for the page to show: samples.py DIRECTORY, which has fair.json, what a run came to.

Writes there hostile.json, whose names are markup; old.json, without what docs/measures.md has over time; bare.json, which has next to nothing;
wrong.json, whose members are of the wrong kinds."""

import json
import pathlib
import sys

HOSTILE = "</script><img src=x onerror=\"window.hacked=1\"><b>bold</b>"
NEWER = ("run", "series", "wait_distribution", "guarantee_delay_s", "fairness", "power", "by_class")


def texts_replaced(value):
    if isinstance(value, dict):
        return {key: texts_replaced(each) for key, each in value.items()}
    if isinstance(value, list):
        return [texts_replaced(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def hostile(measures):
    """Whatever is named is named by markup, and so is every text; one account is called as objects' own members are."""
    made = texts_replaced(measures)
    named = (made, "by_account"), (made, "by_class"), (made, "by_size"), (made, "outcomes"), (made["power"], "sites"), (made["series"], "sites"), (made["series"], "accounts")
    for of, name in named:
        of[name] = {f"{HOSTILE}{i}": about for i, about in enumerate(of[name].values())}
    accounts = made["series"]["accounts"]
    accounts["__proto__"] = accounts[f"{HOSTILE}0"]
    made["from"], made["until"] = measures["from"], measures["until"]
    made["series"]["from"] = measures["from"]
    return made


def wrong(value, depth=0):
    """At every second member a list in place of what belongs there; texts for numbers, numbers for texts, lists one too short."""
    if isinstance(value, dict):
        return {key: wrong(each, depth + 1) if i % 2 or depth == 0 else [key] for i, (key, each) in enumerate(value.items())}
    if isinstance(value, list):
        return value[:-1]
    return 7 if isinstance(value, str) else "seven"


def main(directory):
    measures = json.loads((directory / "fair.json").read_text())
    needed = {name: measures[name] for name in ("jobs", "wait_s", "state_hash")}
    made = {
        "hostile": hostile(measures),
        "old": {name: value for name, value in measures.items() if name not in NEWER},
        "bare": {"jobs": 0, "wait_s": {}, "state_hash": "00ff"},
        "wrong": {**wrong(measures), **needed},
    }
    for name, value in made.items():
        (directory / f"{name}.json").write_text(json.dumps(value))


main(pathlib.Path(sys.argv[1]))
