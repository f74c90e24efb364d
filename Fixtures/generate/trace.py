"""Runs a program in the official runtime with its event tracer on."""

from dataclasses import dataclass
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any, Callable

from executorch.devtools.etdump.serialize import deserialize_from_etdump_flatcc
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime

# One thread: times mean more, and XNNPACK rounds each kernel to whole microseconds anyhow.
portable_lib._unsafe_reset_threadpool(1)

Step = tuple[str, tuple[Any, ...]]


@dataclass
class Trace:
    """One recording: the calls to make, and whether to log every value."""

    name: str
    steps: Callable[[dict[str, list]], list[Step]]
    values: bool = False
    buffer: int = 48 << 20
    """The debug buffer's size while recording; what is stored ends with the last tensor."""
    zeros: bool = False
    """Ask the reference without the debug buffer as well: it answers with zeros."""
    fails: bool = False
    """The last step is expected to fail; the dump is written all the same."""
    stateless: bool = True
    """Whether the last outputs follow from the last inputs alone."""


def repeat(count: int, method: str = "forward", case: int = 0) -> Callable[[dict[str, list]], list[Step]]:
    return lambda inputs: [(method, inputs[method][case])] * count


def record(program: Path, trace: Trace, inputs: dict[str, list], folder: Path) -> list:
    """Writes NAME.etdp and, when values are logged, NAME.debug. Returns the last outputs."""
    runtime = Runtime.get().load_program(
        program.read_bytes(), enable_etdump=True, debug_buffer_size=trace.buffer if trace.values else 0
    )
    outputs: list = []
    steps = trace.steps(inputs)
    for index, (method, arguments) in enumerate(steps):
        try:
            outputs = runtime.load_method(method).execute(arguments)
        except RuntimeError:
            if not (trace.fails and index + 1 == len(steps)):
                raise
    dump, buffer = folder / f"{trace.name}.etdp", folder / f"{trace.name}.debug"
    runtime.write_etdump_result_to_file(str(dump), str(buffer))
    if trace.values:
        with open(buffer, "r+b") as file:
            file.truncate(used_bytes(dump, buffer))
    else:
        buffer.unlink(missing_ok=True)
    return outputs


SIZES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 8, 5: 2, 6: 4, 7: 8, 11: 1, 15: 2, 22: 2, 27: 2, 28: 4, 29: 8}


def used_bytes(dump: Path, buffer: Path) -> int:
    """Where the last logged tensor ends; the runtime writes the whole buffer."""
    end = 0
    try:
        runs = deserialize_from_etdump_flatcc(dump.read_bytes(), size_prefixed=True).run_data
    except CalledProcessError:  # a malformed dump: keep what is not zero
        return len(buffer.read_bytes().rstrip(b"\0"))
    for run in runs:
        for event in run.events or []:
            value = event.debug_event and event.debug_event.debug_entry
            if not value:
                continue
            tensors = [value.tensor] if value.tensor else value.tensor_list.tensors if value.tensor_list else []
            for tensor in tensors:
                count = SIZES[int(tensor.scalar_type.value if hasattr(tensor.scalar_type, "value") else tensor.scalar_type)]
                for size in tensor.sizes:
                    count *= size
                if count and tensor.offset < 1 << 62:
                    end = max(end, tensor.offset + count)
    return end
