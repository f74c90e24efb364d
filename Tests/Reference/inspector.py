#!/usr/bin/env python3
"""Opens traces of etrun in the reference's Inspector: VENV/bin/python Tests/Reference/inspector.py PROGRAM

Each model fixture runs twice with every value logged, into a trace and into a journal that `etdump cat --to etdp` makes one of; the
Inspector's rows, with the ETRecord, must be those that it prints of the official runtime's trace of the same program, but for times
and values. A model with values that the Inspector refuses must open with `--trace-compat 1.5`, and only so.
"""

import contextlib
import csv
import io
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import zstandard
from executorch.devtools import Inspector

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["event_block_name", "event_name", "op_types", "is_delegated_op", "delegate_backend_name"]
MODELS = ["mobilenet_v2", "lstm", "pnet", "rnet", "crepe_tiny", "silero_vad", "number_types"]


def plain(path: Path) -> bytes:
    packed = path.with_name(path.name + ".zst")
    return path.read_bytes() if path.exists() else zstandard.ZstdDecompressor().stream_reader(packed.open("rb")).read()


def rows(text: str) -> list:
    return [[row[column] for column in COLUMNS] for row in csv.DictReader(io.StringIO(text), delimiter="\t")]


def inspected(work: Path, trace: Path) -> Inspector:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return Inspector(
            etdump_path=str(trace), etrecord=str(work / "model.etrecord"), debug_buffer_path=str(work / "run.debug")
        )


def printed(work: Path, trace: Path) -> list:
    with contextlib.redirect_stdout(io.StringIO()):
        inspected(work, trace).save_data_to_tsv(str(work / "rows.tsv"))
    return rows((work / "rows.tsv").read_text())


def run(program: str, work: Path, *options: str) -> None:
    command = [program, "etrun", work / "model.pte", "--iterations", "2", "--trace", work / "run.etdp", *options]
    command += ["--log", "intermediates", "--debug-buffer", work / "run.debug"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main() -> int:
    program, failed = sys.argv[1], 0

    def say(what: str, good: bool) -> None:
        nonlocal failed
        failed += not good
        print(f"{what}: {'the same' if good else 'OTHERS'}")

    for model in MODELS + ["bfloat16"]:
        folder = ROOT / "Fixtures" / "models" / model / "portable"
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            for file in ("model.pte", "model.etrecord"):
                (work / file).write_bytes(plain(folder / file))
            if model == "bfloat16":
                # Values of a type that the Inspector refuses.
                run(program, work)
                try:
                    inspected(work, work / "run.etdp")
                    refused = False
                except Exception:
                    refused = True
                run(program, work, "--trace-compat", "1.5")
                ours = printed(work, work / "run.etdp")
                print(f"{model}: {'refused' if refused else 'NOT REFUSED'}, with --trace-compat 1.5 {len(ours)} rows")
                failed += not refused
                continue
            theirs = rows(plain(folder / "values.etrecord.tsv").decode())
            run(program, work)
            ours = printed(work, work / "run.etdp")
            say(f"{model}: {len(ours)} rows", ours == theirs)
            # A journal, made an ETDump afterwards.
            run(program, work, "--stream")
            command = [program, "etdump", "cat", work / "run.etdp", "--to", "etdp", "--output", work / "whole.etdp"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            ours = printed(work, work / "whole.etdp")
            say(f"{model}, streamed: {len(ours)} rows", ours == theirs)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
