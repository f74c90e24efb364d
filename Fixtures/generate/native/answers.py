#!/usr/bin/env python3
"""Asks the reference Inspector about every recorded trace and writes its answers.

    answers.py FOLDER

Reads cases.json beside this file; writes, into FOLDER, for each case NAME

  NAME.plain.tsv    what Inspector.save_data_to_tsv writes, byte for byte
  NAME.plain.json   every column of every event of every block
  golden.json       the list of cases, with the error where the reference raises
  README.md         one line per trace

Answers longer than 8 kB are stored zstd-compressed as NAME.….zst.
"""

import hashlib
import json
import logging
import math
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy
import pandas
import torch
import zstandard

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from executorch.devtools import Inspector  # noqa: E402
from executorch.devtools.etdump.schema_flatcc import ETDumpFlatCC  # noqa: E402
from executorch.devtools.etdump.serialize import serialize_to_etdump_flatcc  # noqa: E402
from executorch.devtools.inspector import TimeScale  # noqa: E402

COMPRESS_ABOVE = 8192


def number(value):
    """A float as it is, or "nan", "inf", "-inf"."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value


def plain(value):
    """A JSON value for anything that an Event holds."""
    if isinstance(value, torch.Tensor):
        data = value.contiguous()
        return {
            "dtype": str(data.dtype).removeprefix("torch."),
            "shape": list(data.shape),
            "sha256": hashlib.sha256(data.numpy().tobytes()).hexdigest(),
        }
    if isinstance(value, (bytes, bytearray)):
        return {"hex": bytes(value).hex()}
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    if isinstance(value, numpy.generic):
        return plain(value.item())
    if isinstance(value, float):
        return number(value)
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    raise TypeError(f"no JSON for {type(value)}")


def metadata_hex(raw):
    """The reference holds metadata as a list of byte values, or "" where there was none."""
    return bytes(raw).hex() if raw else ""


def event_answer(event):
    answer = {}
    for column, value in event.asdict().items():
        wrapped = column in ("raw", "op_types", "stack_traces", "module_hierarchy", "debug_data", "start_time")
        answer[column] = plain(value[0] if wrapped else value)
    answer["debug_handles"] = plain(event.debug_handles)
    answer["_instruction_id"] = plain(event._instruction_id)
    answer["num_outputs"] = plain(event.num_outputs)
    answer["raw_delegate_debug_metadatas"] = [metadata_hex(raw) for raw in event.raw_delegate_debug_metadatas]
    return answer


def block_answer(block):
    return {
        "event_block_name": block.name,
        "bundled_input_index": plain(block.bundled_input_index),
        "source_time_scale": block.source_time_scale.value,
        "target_time_scale": block.target_time_scale.value,
        "run_output": plain(block.run_output),
        "reference_output": plain(block.reference_output),
        "events": [event_answer(event) for event in block.events],
    }


def error_text(error, printed):
    """"Type: message" on one line; for a failed flatc its own message, without its usage and its paths."""
    message = str(error)
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line.strip() for line in printed.splitlines()]
        said = lines[lines.index("error:") + 1] if "error:" in lines else f"exit status {error.returncode}"
        said = " ".join(word for word in said.split() if not word.startswith('"/'))
        message = f"flatc: {said}"
    return " ".join(f"{type(error).__name__}: {message}".split())


class Captured:
    """Keeps what this process and its children print."""

    def __enter__(self):
        sys.stdout.flush()
        self.file = tempfile.TemporaryFile()
        self.saved = [(os.dup(stream), stream) for stream in (1, 2)]
        for _, stream in self.saved:
            os.dup2(self.file.fileno(), stream)
        return self

    def __exit__(self, *_):
        sys.stdout.flush()
        for copy, stream in self.saved:
            os.dup2(copy, stream)
            os.close(copy)
        self.file.close()

    def text(self):
        self.file.seek(0)
        return self.file.read().decode("utf-8", "replace")


def write(folder, name, data):
    for stale in (folder / name, folder / (name + ".zst")):
        stale.unlink(missing_ok=True)
    if len(data) > COMPRESS_ABOVE:
        name += ".zst"
        data = zstandard.ZstdCompressor(level=19, write_content_size=True).compress(data)
    (folder / name).write_bytes(data)
    return name


def answer(folder, case):
    name = case.get("answers", case["name"])
    trace = folder / case["trace"]
    buffer = case.get("debug_buffer")
    source = TimeScale(case.get("source_time_scale", "ns"))
    target = TimeScale(case.get("target_time_scale", "ms"))
    golden = {
        "trace": case["trace"],
        "etrecord": None,
        "debug_buffer": buffer,
        "tsv": None,
        "json": None,
        "error": None,
    }
    if "source_time_scale" in case:
        golden |= {"source_time_scale": source.value, "target_time_scale": target.value}
    with Captured() as captured:
        try:
            inspector = Inspector(
                etdump_path=str(trace),
                debug_buffer_path=str(folder / buffer) if buffer else None,
                source_time_scale=source,
                target_time_scale=target,
            )
            blocks = {"event_blocks": [block_answer(block) for block in inspector.event_blocks]}
            text = json.dumps(blocks, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
            golden["json"] = write(folder, name + ".plain.json", text.encode("utf-8"))
        except Exception as error:
            golden["error"] = error_text(error, captured.text())
        else:
            try:
                with tempfile.TemporaryDirectory() as scratch:
                    path = Path(scratch) / "table.tsv"
                    with open(path, "w", newline="", encoding="utf-8") as table:
                        inspector.save_data_to_tsv(table)
                    golden["tsv"] = write(folder, name + ".plain.tsv", path.read_bytes())
            except Exception as error:
                golden["error"] = error_text(error, captured.text())
                golden["error_at"] = "table"
    golden["odd"] = case["odd"]
    return golden


def record_without_runs(folder):
    """A trace with no run data, which ETDumpGen cannot write: by the reference's own Python serializer."""
    data = serialize_to_etdump_flatcc(ETDumpFlatCC(version=0, run_data=[]))
    (folder / "empty-no-runs-plain.etdp").write_bytes(data)
    (folder / "empty-no-runs.etdp").write_bytes(len(data).to_bytes(4, "little") + data)


def readme(cases, goldens):
    lines = [
        "# Native fixtures",
        "",
        "Recorded by `Fixtures/generate/native/build-and-run.sh VENV` with the official `ETDumpGen` (executorch "
        "1.5.1) and a scripted clock: the same wheel gives the same bytes. `golden.json` lists the cases with the "
        "reference Inspector's answers, or its error. Written by the script: edit `cases.json` there.",
        "",
        "`NAME.plain.tsv` is the file that `save_data_to_tsv` writes. `NAME.plain.json` holds every column of "
        "`to_dataframe` (names without the unit) for every event, with `debug_handles`, `_instruction_id`, "
        "`num_outputs` and `raw_delegate_debug_metadatas` (hexadecimal); a tensor is its dtype, shape and the SHA-256 "
        "of its contiguous bytes; NaN and infinities are strings. `.zst` is zstd.",
        "",
        "| Trace | Made by | Odd | The reference |",
        "|---|---|---|---|",
    ]
    for case, golden in zip(cases, goldens):
        trace = "`" + case["trace"] + "`"
        if "source_time_scale" in case:
            trace += f" ({case['source_time_scale']} → {case['target_time_scale']})"
        error = golden["error"]
        if error is None:
            says = "reads it"
        else:
            says = "`" + (error if len(error) <= 110 else error[:107] + "…").replace("|", "\\|") + "`"
            if golden.get("error_at") == "table":
                says = "opens it; table: " + says
        lines.append(f"| {trace} | {case['made']} | {case['odd']} | {says} |")
    return "\n".join(lines) + "\n"


def main():
    folder = Path(sys.argv[1])
    cases = json.loads((Path(__file__).parent / "cases.json").read_text("utf-8"))
    for case in cases:
        case.setdefault("trace", case["name"] + ".etdp")
    record_without_runs(folder)
    listed = {case["trace"] for case in cases}
    recorded = {path.name for path in folder.glob("*.etdp")}
    if listed != recorded:
        sys.exit(f"answers: cases.json and the recorded traces differ: {sorted(listed ^ recorded)}")
    for stale in folder.glob("*.plain.*"):
        stale.unlink()
    goldens = [answer(folder, case) for case in cases]
    from importlib.metadata import version

    golden = {
        "reference": {name: version(name) for name in ("executorch", "torch", "numpy", "pandas")},
        "command": "Fixtures/generate/native/build-and-run.sh VENV",
        "program": None,
        "cases": goldens,
    }
    (folder / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "README.md").write_text(readme(cases, goldens), "utf-8")
    for case, each in zip(cases, goldens):
        print(f"{case.get('answers', case['name'])}: {each['error'] or 'answered'}", file=sys.stderr)


if __name__ == "__main__":
    main()
