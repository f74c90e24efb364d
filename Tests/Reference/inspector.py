#!/usr/bin/env python3
"""Opens traces of etrun in the reference's Inspector: VENV/bin/python Tests/Reference/inspector.py PROGRAM

Each model fixture runs twice with every value logged; the Inspector's rows, with the ETRecord, must be those that it prints of the
official runtime's trace of the same program, but for times and values.
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


def main() -> int:
    program, failed = sys.argv[1], 0
    for model in MODELS:
        folder = ROOT / "Fixtures" / "models" / model / "portable"
        with tempfile.TemporaryDirectory() as name:
            work = Path(name)
            for file in ("model.pte", "model.etrecord"):
                (work / file).write_bytes(plain(folder / file))
            command = [program, "etrun", work / "model.pte", "--iterations", "2", "--trace", work / "run.etdp"]
            command += ["--log", "intermediates", "--debug-buffer", work / "run.debug"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                inspector = Inspector(
                    etdump_path=str(work / "run.etdp"), etrecord=str(work / "model.etrecord"), debug_buffer_path=str(work / "run.debug")
                )
                inspector.save_data_to_tsv(str(work / "rows.tsv"))
            ours = rows((work / "rows.tsv").read_text())
        theirs = rows(plain(folder / "values.etrecord.tsv").decode())
        print(f"{model}: {len(ours)} rows, {'the same' if ours == theirs else 'OTHERS'}")
        if ours != theirs:
            failed += 1
            for a, b in zip(ours, theirs):
                if a != b:
                    print("  ours ", a, "\n  theirs", b)
                    break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
