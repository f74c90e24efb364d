#!/usr/bin/env python3
"""Checks `etdump export --to speedscope` with speedscope's own schema: VENV/bin/python Tests/Reference/speedscope_schema.py SCHEMA PROGRAM TRACE…

SCHEMA is https://www.speedscope.app/file-format-schema.json (also in the npm package `speedscope`); VENV has `pip install jsonschema`.
Beyond the schema, frames must be balanced and times must not go back, as its comments ask.
"""

import json
import subprocess
import sys

import jsonschema


def problems(file: dict) -> list[str]:
    found = []
    for profile in file["profiles"]:
        stack, time = [], profile["startValue"]
        for event in profile["events"]:
            if event["at"] < time or event["frame"] >= len(file["shared"]["frames"]):
                found.append(f"{profile['name']}: {event}")
            time = event["at"]
            if event["type"] == "O":
                stack.append(event["frame"])
            elif not stack or stack.pop() != event["frame"]:
                found.append(f"{profile['name']}: not balanced at {event}")
        if stack or time > profile["endValue"]:
            found.append(f"{profile['name']}: does not end")
    return found


def main() -> int:
    schema, program, failed = json.load(open(sys.argv[1])), sys.argv[2], 0
    validator = jsonschema.validators.validator_for(schema)(schema)
    for trace in sys.argv[3:]:
        if subprocess.run([program, "etdump", "cat", trace], capture_output=True).returncode != 0:
            print(f"{trace}: not a trace that opens")
            continue
        done = subprocess.run([program, "etdump", "export", trace, "--to", "speedscope"], check=True, capture_output=True)
        file = json.loads(done.stdout)
        found = [error.message[:200] for error in validator.iter_errors(file)] + problems(file)
        print(f"{trace}: {len(file['profiles'])} profiles, {found[:3] or 'valid'}")
        failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
