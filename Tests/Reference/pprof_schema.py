#!/usr/bin/env python3
"""Reads `etdump export --to pprof` with pprof's own schema: VENV/bin/python Tests/Reference/pprof_schema.py PROFILE.PROTO PROGRAM TRACE…

PROFILE.PROTO is pprof's proto/profile.proto (Debian: golang-github-google-pprof-dev); VENV has `pip install grpcio-tools protobuf`. The
samples must be complete, and their times those of `--to folded`.
"""

import gzip
import importlib
import pathlib
import subprocess
import sys
import tempfile

from grpc_tools import protoc


# Separators, control characters: no part of a folded frame.
UNWANTED = {59: ":"} | dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ")


def frame(name: str) -> str:
    return name.translate(UNWANTED)


def export(program: str, trace: str, form: str) -> bytes:
    return subprocess.run([program, "etdump", "export", trace, "--to", form], check=True, capture_output=True).stdout


def main() -> int:
    schema, program, failed = pathlib.Path(sys.argv[1]), sys.argv[2], 0
    with tempfile.TemporaryDirectory() as folder:
        protoc.main(["protoc", f"-I{schema.parent}", f"--python_out={folder}", schema.name])
        sys.path.insert(0, folder)
        profile_pb2 = importlib.import_module("profile_pb2")
    for trace in sys.argv[3:]:
        if subprocess.run([program, "etdump", "cat", trace], capture_output=True).returncode != 0:
            print(f"{trace}: not a trace that opens")
            continue
        profile = profile_pb2.Profile.FromString(gzip.decompress(export(program, trace, "pprof")))
        strings = profile.string_table
        functions = {function.id: strings[function.name] for function in profile.function}
        locations = {location.id: functions[location.line[0].function_id] for location in profile.location}
        types = [(strings[kind.type], strings[kind.unit]) for kind in profile.sample_type]
        stacks = {}
        for sample in profile.sample:
            stack = ";".join(frame(locations[place]) for place in reversed(sample.location_id))
            stacks[stack] = stacks.get(stack, 0) + sample.value[1]
            keys = {strings[label.key] for label in sample.label}
            assert keys >= {"run", "event_block", "kind"}, keys
        wanted = {}
        for line in export(program, trace, "folded").decode().split("\n")[:-1]:
            stack, _, time = line.rpartition(" ")
            wanted[stack] = int(time)
        # Sums of each run's own time, which is never below zero; folded stacks sum first.
        good = types == [("count", "count"), ("time", "nanoseconds")] and all(stacks[key] >= wanted[key] for key in wanted)
        exact = sum(stacks[key] == wanted[key] for key in wanted)
        print(f"{trace}: {len(profile.sample)} samples, {exact} of {len(wanted)} stacks equal, {'fine' if good else 'OTHERS'}")
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
