"""From an nn.Module to the files of a fixture: program, bundled program, ETRecord."""

import copy
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import executorch.kernels.quantized  # noqa: F401: the operators of portable-int8
import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
    XNNPACKQuantizer,
    get_symmetric_quantization_config,
)
from executorch.devtools import BundledProgram
from executorch.devtools.bundled_program.config import MethodTestCase, MethodTestSuite
from executorch.devtools.bundled_program.serialize import serialize_from_bundled_program_to_flatbuffer
from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge, to_edge_transform_and_lower
from torch.export import export
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

from graph_ids import renumber_graphs
from neutral import neutralise

Inputs = tuple[Any, ...]


@dataclass
class Model:
    """What to lower. `build` returns one module, or one a method by name."""

    build: Callable[[], torch.nn.Module | dict[str, torch.nn.Module]]
    inputs: Callable[[], dict[str, list[Inputs]]]
    """Bundled test cases by method; the first of `forward` is the representative input."""
    dynamic_shapes: Any = None
    dynamic_quantization: bool = False
    partitioner: Callable[[], list] | None = None
    check_ir: bool = True
    bundle: bool = True
    extra_graph: str | None = None
    """Under this name the ETRecord also holds the edge program before any partitioning."""


def quantized(module: torch.nn.Module, model: Model, cases: list[Inputs]) -> torch.nn.Module:
    quantizer = XNNPACKQuantizer().set_global(
        get_symmetric_quantization_config(is_per_channel=True, is_dynamic=model.dynamic_quantization)
    )
    captured = export(module, cases[0], dynamic_shapes=model.dynamic_shapes).module()
    prepared = prepare_pt2e(captured, quantizer)
    for case in cases:
        prepared(*case)
    return convert_pt2e(prepared)


@dataclass
class Lowered:
    eager: dict[str, torch.nn.Module]
    inputs: dict[str, list[Inputs]]
    manager: Any
    etrecord: Any


def lower(model: Model, lowering: str) -> Lowered:
    torch.manual_seed(0)
    built = model.build()
    modules = built if isinstance(built, dict) else {"forward": built}
    inputs = model.inputs()
    programs = {}
    for name, module in modules.items():
        module.eval().requires_grad_(False)
        if lowering.endswith("int8"):
            module = quantized(module, model, inputs[name])
        # The program keeps the module's own buffers; running it must not write to them.
        modules[name] = copy.deepcopy(module)
        programs[name] = neutralise(export(module, inputs[name][0], dynamic_shapes=model.dynamic_shapes))
    partitioner = None
    if lowering.startswith("xnnpack"):
        partitioner = model.partitioner() if model.partitioner else [XnnpackPartitioner()]
    edge = to_edge_transform_and_lower(
        programs if isinstance(built, dict) else programs["forward"],
        partitioner=partitioner,
        compile_config=EdgeCompileConfig(_check_ir_validity=model.check_ir),
        generate_etrecord=True,
    )
    manager = edge.to_executorch(ExecutorchBackendConfig())
    record = manager.get_etrecord()
    if model.extra_graph:
        record.add_extra_export_modules({model.extra_graph: to_edge(programs["forward"])})
    return Lowered(modules, inputs, manager, record)


def expected(module: torch.nn.Module, case: Inputs) -> list:
    with torch.no_grad():
        result = module(*case)
    return list(result) if isinstance(result, (tuple, list)) else [result]


def write(lowered: Lowered, folder: Path, bundle: bool) -> None:
    """Writes model.pte, model.bpte and model.etrecord."""
    (folder / "model.pte").write_bytes(lowered.manager.buffer)
    suites = [
        MethodTestSuite(
            method_name=name,
            test_cases=[MethodTestCase(inputs=case, expected_outputs=expected(lowered.eager[name], case)) for case in cases],
        )
        for name, cases in lowered.inputs.items()
    ]
    bundled = BundledProgram(lowered.manager, suites)
    if bundle:
        data = serialize_from_bundled_program_to_flatbuffer(bundled)
        (folder / "model.bpte").write_bytes(data)
    record = lowered.etrecord
    if "forward" in lowered.inputs:
        record.update_representative_inputs(bundled)
    record.update_reference_outputs(bundled)
    renumber_graphs(record)
    with fixed_zip_time():
        record.save(str(folder / "model.etrecord"))


def export_by_older(model: Model, lowering: str, folder: Path) -> Lowered | None:
    """Has model.pte and model.etrecord written by an executorch found in $OLD_EXECUTORCH/<release>."""
    release = lowering.removesuffix("-bundled")
    packages = Path(os.environ.get("OLD_EXECUTORCH", "")) / release
    if not packages.is_dir():
        print(f"   left as it is: needs {release} (see requirements.txt)")
        return None
    inputs = model.inputs()
    torch.save(inputs["forward"], folder / "inputs.pt")
    here = Path(__file__).parent
    subprocess.run(
        [sys.executable, "-W", "ignore", "-B", here / "old_exporter.py", folder / "inputs.pt", folder]
        + (["bundled"] if lowering.endswith("bundled") else ["plain"]),
        env=os.environ | {"PYTHONPATH": f"{packages}"},
        check=True,
    )
    (folder / "inputs.pt").unlink()
    torch.manual_seed(0)
    return Lowered({"forward": model.build().eval()}, inputs, None, None)


class fixed_zip_time:
    """Zip entries dated 1980-01-01, so that the same record is the same bytes."""

    def __enter__(self):
        self.time = zipfile.time
        epoch = (1980, 1, 1, 0, 0, 0, 0, 0, 0)
        zipfile.time = SimpleNamespace(time=lambda: 0, localtime=lambda _=0: epoch)

    def __exit__(self, *_):
        zipfile.time = self.time
