"""Makes fixtures again: python Fixtures/generate/generate.py [--large] [model [lowering]]

Without a model, all of them, one process each. With --large, those that are too large to
commit, into Fixtures/large. $OLD_EXECUTORCH names the folder of older releases, if wanted.
"""

import copy
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.dont_write_bytecode = True
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import torch

from answers import inspect, numeric_gap
from fixtures import FIXTURES, Fixture
from lower import Lowered, export_by_older, lower, write
from store import store
from trace import Trace, record

FOLDER = Path(__file__).resolve().parents[1]


def make(fixture: Fixture, lowering: str, target: Path) -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if lowering.startswith("executorch-"):
            lowered = export_by_older(fixture.model, lowering, work)
            if lowered is None:
                return
        else:
            lowered = lower(fixture.model, lowering)
            write(lowered, work, fixture.model.bundle)
        golden = {"command": f"python Fixtures/generate/generate.py {fixture.name} {lowering}", "program": None}
        golden |= {"cases": [], "numeric_gap": []}
        for trace in fixture.traces:
            outputs = record(work / "model.pte", trace, lowered.inputs, work)
            golden["cases"] += [inspect(work, trace.name, etrecord, trace.values) for etrecord in (False, True)]
            if trace.zeros:
                golden["cases"].append(inspect(work, trace.name, False, False, f"{trace.name}.zeros"))
            if trace.values:
                golden["numeric_gap"] += numeric_gap(work, trace.name)
            check(lowered, trace, outputs)
        store(work, target, golden, fixture.leave_out.get(lowering, set()), pack=not fixture.large)
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{fixture.name}/{lowering}: {size / 1e6:.2f} MB in {time.monotonic() - began:.0f} s", flush=True)
    for case in golden["cases"] + golden["numeric_gap"]:
        if case["error"]:
            print("   refused:", case["trace"], case.get("metric", case.get("etrecord")), case["error"][:160])


def check(lowered: Lowered, trace: Trace, outputs: list) -> None:
    """Compares the runtime's last outputs with eager ones; a failing call has none."""
    if trace.fails:
        return
    eager = copy.deepcopy(lowered.eager)
    steps = trace.steps(lowered.inputs)
    with torch.no_grad():
        for method, arguments in steps[-1:] if trace.stateless else steps:
            wanted = eager[method](*arguments)
    wanted = list(wanted) if isinstance(wanted, (tuple, list)) else [wanted]
    apart = [
        (got.double() - want.double()).abs().max().item()
        for got, want in zip(outputs, wanted, strict=True)
        if isinstance(got, torch.Tensor) and got.numel()
    ]
    print(f"   {trace.name}: largest difference from eager", *(f"{difference:.2g}" for difference in apart))


def main(arguments: list[str]) -> int:
    os.chdir(FOLDER.parent)
    large = "--large" in arguments
    chosen = [argument for argument in arguments if not argument.startswith("-")]
    jobs = [
        (fixture, lowering)
        for fixture in FIXTURES
        for lowering in fixture.lowerings
        if fixture.large == large and chosen in ([], [fixture.name], [fixture.name, lowering])
    ]
    if not jobs:
        print("no such fixture; there are:", *sorted({fixture.name for fixture in FIXTURES}), file=sys.stderr)
        return 64
    if len(jobs) == 1:
        fixture, lowering = jobs[0]
        make(fixture, lowering, FOLDER / ("large" if large else "models") / fixture.name / lowering)
        return 0
    flags = ["--large"] if large else []
    failed = 0
    for fixture, lowering in jobs:
        command = [sys.executable, __file__, *flags, fixture.name, lowering]
        if subprocess.run(command).returncode != 0:
            print("failed:", fixture.name, lowering, file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
