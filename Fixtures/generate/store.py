"""Puts finished files into Fixtures/models, compressed where that saves much."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy
import pandas
import torch
import zstandard

STAYS_BELOW = {".etdp": 64 << 10}  # smaller files stay as they are
STAYS_BELOW_OTHERWISE = 8 << 10
PROGRAMS = {".pte", ".bpte"}


def compressed(data: bytes) -> bytes:
    parameters = zstandard.ZstdCompressionParameters.from_level(
        19, source_size=len(data), window_log=27 if len(data) > 8 << 20 else 23, write_checksum=True, enable_ldm=True
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)


def worth(name: str, size: int, packed: int) -> bool:
    suffix = Path(name).suffix
    if size <= STAYS_BELOW.get(suffix, STAYS_BELOW_OTHERWISE):
        return False
    return packed < (0.6 if suffix in PROGRAMS and size < 1 << 20 else 0.8) * size


def store(work: Path, target: Path, golden: dict, leave_out: set[str], pack: bool) -> None:
    """Moves the files of one fixture to their place and writes its golden.json."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    stored = {}
    for file in sorted(work.iterdir()):
        if file.name in leave_out:
            stored[file.name] = None
            continue
        data, name = file.read_bytes(), file.name
        packed = compressed(data) if pack else data
        if worth(name, len(data), len(packed)):
            data, name = packed, name + ".zst"
        (target / name).write_bytes(data)
        stored[file.name] = name

    def renamed(value):
        if isinstance(value, dict):
            return {key: renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return stored.get(value, value) if isinstance(value, str) else value

    program = work / "model.pte"
    if program.exists():
        golden["program"] = {"file": "model.pte", "sha256": hashlib.sha256(program.read_bytes()).hexdigest()}
    golden = {"reference": versions(), **renamed(golden)}
    (target / "golden.json").write_text(json.dumps(golden, indent=2) + "\n")


def versions() -> dict:
    from importlib.metadata import version

    return {
        "executorch": version("executorch"),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "pandas": pandas.__version__,
    }
