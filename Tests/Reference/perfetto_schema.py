#!/usr/bin/env python3
"""Reads `etdump export --to perfetto` with Perfetto's own schema: VENV/bin/python Tests/Reference/perfetto_schema.py PROGRAM TRACE…

VENV has `pip install perfetto protobuf`. Every slice must be there with its name, track and times to the nanosecond, as `--to ndjson`
has it.
"""

import collections
import json
import subprocess
import sys

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as perfetto


def export(program: str, trace: str, form: str) -> bytes:
    return subprocess.run([program, "etdump", "export", trace, "--to", form], check=True, capture_output=True).stdout


def slices(data: bytes) -> collections.Counter:
    trace = perfetto.Trace.FromString(data)
    names, annotations, strings, tracks, open_slices = {}, {}, {}, {}, collections.defaultdict(list)
    found = collections.Counter()
    for packet in trace.packet:
        if packet.HasField("track_descriptor"):
            tracks[packet.track_descriptor.uuid] = packet.track_descriptor
        for entry in packet.interned_data.event_names:
            names[entry.iid] = entry.name
        for entry in packet.interned_data.debug_annotation_names:
            annotations[entry.iid] = entry.name
        for entry in packet.interned_data.debug_annotation_string_values:
            strings[entry.iid] = entry.str.decode()
        if not packet.HasField("track_event"):
            continue
        event = packet.track_event
        assert event.track_uuid in tracks
        stack = open_slices[event.track_uuid]
        if event.type == perfetto.TrackEvent.TYPE_SLICE_BEGIN:
            assert {annotations[a.name_iid] for a in event.debug_annotations} >= {"iteration", "is_delegated_op"}
            stack.append((names[event.name_iid], packet.timestamp))
        else:
            name, start = stack.pop()
            found[name, packet.timestamp - start] += 1
    assert not any(open_slices.values())
    return found


def main() -> int:
    program, failed = sys.argv[1], 0
    for trace in sys.argv[2:]:
        wanted = collections.Counter()
        if subprocess.run([program, "etdump", "cat", trace], capture_output=True).returncode != 0:
            print(f"{trace}: not a trace that opens")
            continue
        for line in export(program, trace, "ndjson").splitlines():
            row = json.loads(line)
            wanted[row["name"], row["duration_ns"]] += 1
        found = slices(export(program, trace, "perfetto"))
        print(f"{trace}: {sum(found.values())} slices, {'the same' if found == wanted else 'OTHERS'}")
        if found != wanted:
            failed += 1
            print("  missing", list((wanted - found).items())[:3], "\n  too many", list((found - wanted).items())[:3])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
