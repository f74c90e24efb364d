"""Records unchanged models launch after launch: python Fixtures/generate/launches.py [count]

What a comparison finds between these launches is noise, so they measure how often `etdump diff`
is wrong. Each launch is a process of its own, the models take turns, and the first executions are
in the trace as they were. Let nothing else run meanwhile; 40 launches take about ten minutes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

FOLDER = Path(__file__).resolve().parents[1]
EXECUTIONS = 12
MODELS = [("crepe_tiny", "portable"), ("mobilenet_v2_large", "xnnpack")]


def launch(program: str, inputs: str, folder: str) -> None:
    """One launch, in this process."""
    import torch

    from trace import Trace, record, repeat

    record(Path(program), Trace("time", repeat(EXECUTIONS)), torch.load(inputs), Path(folder))


def prepare(name: str, lowering: str, folder: Path) -> None:
    """Writes the program and its inputs."""
    import torch

    from fixtures import FIXTURES
    from lower import lower

    (fixture,) = (fixture for fixture in FIXTURES if fixture.name == name)
    lowered = lower(fixture.model, lowering)
    (folder / "model.pte").write_bytes(lowered.manager.buffer)
    torch.save(lowered.inputs, folder / "inputs.pt")


def main(count: int) -> None:
    from store import compressed

    with tempfile.TemporaryDirectory() as name:
        works = []
        for model, lowering in MODELS:
            work = Path(name) / model
            work.mkdir()
            run("--prepare", model, lowering, work)
            target = FOLDER / "launches" / f"{model.removesuffix('_large')}-{lowering}"
            target.mkdir(parents=True, exist_ok=True)
            for old in target.glob("*.etdp.zst"):
                old.unlink()
            works.append((work, target))
        for index in range(count):
            for work, target in works:
                run("--launch", work / "model.pte", work / "inputs.pt", work)
                data = compressed((work / "time.etdp").read_bytes())
                (target / f"{index:02}.etdp.zst").write_bytes(data)
            print(f"{index + 1} of {count}", flush=True)


def run(*arguments) -> None:
    subprocess.run([sys.executable, "-W", "ignore", __file__, *map(str, arguments)], check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--launch", program, inputs, folder]:
            launch(program, inputs, folder)
        case ["--prepare", model, lowering, folder]:
            prepare(model, lowering, Path(folder))
        case [count]:
            main(int(count))
        case []:
            main(40)
