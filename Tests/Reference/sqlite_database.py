#!/usr/bin/env python3
"""Reads `etdump export --to sqlite` with Python's sqlite3: python3 Tests/Reference/sqlite_database.py PROGRAM TRACE…

Its integrity and foreign keys are checked, and every event is compared with `--to ndjson`, row times with `etdump inspect --format json`.
"""

import collections
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile


def run(program: str, *arguments: str) -> bytes:
    return subprocess.run([program, "etdump", *arguments], check=True, capture_output=True).stdout


def problems(program: str, trace: str, path: pathlib.Path) -> list[str]:
    run(program, "export", trace, "-o", str(path))
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    found = []
    if database.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
        found.append("integrity")
    if database.execute("PRAGMA foreign_key_check").fetchall():
        found.append("foreign keys")
    columns = ["run", "event", "name", "kind", "chain", "instruction", "start_ns", "duration_ns"]
    lines = [json.loads(line) for line in run(program, "export", trace, "--to", "ndjson").splitlines()]
    # What SQLite's integers do not reach becomes their largest.
    within = lambda value: min(value, 2**63 - 1) if isinstance(value, int) else value
    wanted = collections.Counter(tuple(within(line[column]) for column in columns) for line in lines)
    query = "SELECT run_id, position, name, kind, chain, instruction, start_ns, duration_ns FROM event_list"
    if collections.Counter(map(tuple, database.execute(query))) != wanted:
        found.append("events")
    # Rows by block, name and instruction: inspect's times are those of runs.
    totals = collections.Counter()
    inspected = json.loads(run(program, "inspect", trace, "--format", "json", "--target-time-scale", "ns"))
    for block in inspected["event_blocks"]:
        for event in block["events"]:
            totals[block["name"], event["name"], event["instruction_id"]] += sum(event["raw"] or [])
    for row in database.execute("SELECT block, name, instruction, sum(total_ns) FROM row_time GROUP BY 1, 2, 3"):
        if totals[tuple(row)[:3]] != row[3] and row[3] < 2**63 - 1:
            found.append(f"{tuple(row)} is {totals[tuple(row)[:3]]} to inspect")
    return found


def main() -> int:
    program, failed = sys.argv[1], 0
    with tempfile.TemporaryDirectory() as folder:
        for number, trace in enumerate(sys.argv[2:]):
            if subprocess.run([program, "etdump", "cat", trace], capture_output=True).returncode != 0:
                print(f"{trace}: not a trace that opens")
                continue
            found = problems(program, trace, pathlib.Path(folder) / f"{number}.db")
            print(f"{trace}: {found[:3] or 'the same'}")
            failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
