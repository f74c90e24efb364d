"""Makes the programs of the run bench and times the official runtime on them, one thread: VENV/bin/python official.py FOLDER

Prints, as JSON, the median in nanoseconds by program: `mobilenet` (1.0 at 224×224, portable) and `chain` (1,000 operators on four
elements).
"""

import json
import logging
import statistics
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Fixtures" / "generate"))

import torch
from executorch.exir import to_edge
from executorch.extension.pybindings import portable_lib
from torch.export import export

import models


class Chain(torch.nn.Module):
    def forward(self, x, y):
        for _ in range(500):
            x = (x + y) * y
        return x


def main() -> None:
    folder = Path(sys.argv[1])
    portable_lib._unsafe_reset_threadpool(1)
    torch.manual_seed(0)
    mobilenet = models.MobileNetV2(1.0, 1000, 1280)
    models.settle_batch_norms(mobilenet)
    cases = {
        "mobilenet": (mobilenet.eval().requires_grad_(False), (torch.randn(1, 3, 224, 224),), 5),
        "chain": (Chain(), (torch.rand(4), torch.rand(4)), 300),
    }
    medians = {}
    for name, (module, inputs, times) in cases.items():
        program = to_edge(export(module, inputs)).to_executorch().buffer
        (folder / f"{name}.pte").write_bytes(program)
        runtime = portable_lib._load_for_executorch_from_buffer(program)
        runtime.forward(inputs)
        walls = []
        for _ in range(times):
            start = time.perf_counter_ns()
            runtime.forward(inputs)
            walls.append(time.perf_counter_ns() - start)
        medians[name] = statistics.median(walls)
    print(json.dumps(medians))


if __name__ == "__main__":
    main()
