"""Packs calls of whole models with the official runtime's answers: Fixtures/corpus/models.etcorpus.zst.

    python Fixtures/generate/calls.py

For each fixture in its portable lowering the program is the fixture's; for those quantized without a partitioner that
have no fixture, the program is in the pack. A session makes the first calls of the trace of its name, one after the
other, and the program keeps its state; `cases` makes a call of each bundled case.
"""

import json
import logging
import os
import struct
import sys
import tempfile
import warnings
from pathlib import Path

sys.dont_write_bytecode = True
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import torch
import zstandard
from executorch.extension.pybindings import portable_lib  # noqa: F401
from executorch.runtime import Runtime

from fixtures import FIXTURES
from lower import lower

FOLDER = Path(__file__).resolve().parents[1]
DTYPES = {
    torch.uint8: "uint8", torch.int8: "int8", torch.int16: "int16", torch.int32: "int32", torch.int64: "int64",
    torch.float16: "float16", torch.float32: "float32", torch.float64: "float64", torch.bool: "bool", torch.bfloat16: "bfloat16",
}
QUANTIZED = ["mobilenet_v2", "rnet", "crepe_tiny", "silero_vad", "llama"]
# At most so many calls of a trace: they repeat themselves.
CALLS = 12


class Blob:
    def __init__(self):
        self.bytes = bytearray()
        self.places: dict[bytes, int] = {}

    def add(self, data: bytes) -> list[int]:
        if data not in self.places:
            self.bytes += bytes(-len(self.bytes) % 16)
            self.places[data] = len(self.bytes)
            self.bytes += data
        return [self.places[data], len(data)]


def described(value, blob: Blob):
    if isinstance(value, torch.Tensor):
        order = list(value.dim_order())
        dense = value.permute(order).contiguous()
        data = dense.view(torch.uint8).numpy().tobytes() if dense.numel() and dense.dim() else dense.reshape(-1).view(torch.uint8).numpy().tobytes()
        tensor = {"dtype": DTYPES[value.dtype], "sizes": list(value.shape), "dim_order": order, "data": blob.add(data)}
        return {"tensor": tensor}
    if isinstance(value, bool):
        return {"bool": value}
    if isinstance(value, int):
        return {"int": value}
    if isinstance(value, float):
        return {"double": value if value == value and abs(value) != float("inf") else str(value)}
    return None


def session(program: bytes, steps: list, blob: Blob) -> list:
    """The answers of one loaded program to one call after the other."""
    runtime = Runtime.get().load_program(program)
    calls, methods = [], {}
    for name, arguments in steps[:CALLS]:
        methods[name] = methods.get(name) or runtime.load_method(name)
        call = {"method": name, "inputs": [described(argument, blob) for argument in arguments]}
        try:
            outputs = [output.clone() if isinstance(output, torch.Tensor) else output for output in methods[name].execute(arguments)]
            call["outputs"] = [described(output, blob) for output in outputs]
        except RuntimeError as error:
            call["rejected"] = {"phase": "execute", "error": str(error)[:120]}
        calls.append(call)
    return calls


def main() -> None:
    os.chdir(FOLDER.parent)
    blob, sessions = Blob(), []
    for fixture in FIXTURES:
        if fixture.large:
            continue
        lowerings = [name for name in fixture.lowerings if name.startswith("portable")]
        extra = ["portable-int8"] if fixture.name in QUANTIZED else []
        for lowering in lowerings + extra:
            if lowering in extra:
                torch.manual_seed(0)
                with tempfile.TemporaryDirectory() as name:
                    lowered = lower(fixture.model, lowering)
                    program = bytes(lowered.manager.buffer)
                inputs = lowered.inputs
            else:
                path = FOLDER / "models" / fixture.name / lowering / "model.pte"
                packed = path.with_name("model.pte.zst")
                program = path.read_bytes() if path.exists() else zstandard.ZstdDecompressor().decompress(packed.read_bytes())
                torch.manual_seed(0)
                fixture.model.build()
                inputs = fixture.model.inputs()
            plans = {trace.name: trace.steps(inputs) for trace in fixture.traces}
            plans["cases"] = [(method, case) for method, cases in inputs.items() for case in cases]
            for name, steps in plans.items():
                one = {"model": f"{fixture.name}/{lowering}", "session": name, "calls": session(program, steps, blob)}
                if lowering in extra:
                    one["program"] = blob.add(program)
                sessions.append(one)
                print(one["model"], name, len(one["calls"]), flush=True)
    index = json.dumps({"format": 1, "sessions": sessions}, sort_keys=True, separators=(",", ":")).encode()
    data = b"ETCORP01" + struct.pack("<Q", len(index)) + index + bytes(blob.bytes)
    compressor = zstandard.ZstdCompressor(level=19, write_checksum=True)
    (FOLDER / "corpus").mkdir(exist_ok=True)
    (FOLDER / "corpus" / "models.etcorpus.zst").write_bytes(compressor.compress(data))


if __name__ == "__main__":
    main()
