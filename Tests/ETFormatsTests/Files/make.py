"""Writes the programs of this folder: forms that the models in Fixtures/ do not have.

    python make.py        with executorch 1.5.1, torch 2.13 and zstandard (see Fixtures/generate/requirements.txt)

and facts.json: what the reference's own deserializer says about these files and about those in Fixtures/models.
"""

import collections
import json
import math
import pathlib

import torch
import zstandard
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.devtools import BundledProgram
from executorch.devtools.bundled_program.config import MethodTestCase, MethodTestSuite
from executorch.devtools.bundled_program.serialize import serialize_from_bundled_program_to_flatbuffer
from executorch.exir import ExecutorchBackendConfig, to_edge, to_edge_transform_and_lower
from executorch.exir._serialize._flatbuffer_program import _program_to_flatbuffer
from executorch.exir._serialize._program import deserialize_pte_binary
from executorch.exir.passes.init_mutable_pass import InitializedMutableBufferPass

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parents[2] / "Fixtures"


class Linear(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 2)

    def forward(self, x):
        return self.linear(x).relu()


class Counter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("state", torch.arange(4, dtype=torch.float32))

    def forward(self, x):
        self.state.add_(x)
        return self.state + 1


def model(kind):
    torch.manual_seed(0)
    return kind().eval()


def save(name, data):
    (HERE / name).write_bytes(bytes(data))


def edge(module, inputs):
    return to_edge(torch.export.export(module, inputs, strict=True))


def main():
    row = (torch.ones(1, 3),)
    four = (torch.ones(4),)

    # A delegate whose data lie in the FlatBuffer.
    lowered = to_edge_transform_and_lower(
        torch.export.export(model(Linear), row, strict=True), partitioner=[XnnpackPartitioner()]
    ).to_executorch(ExecutorchBackendConfig(extract_delegate_segments=False))
    save("inline_delegate.pte", lowered.buffer)

    # Weights in a tensor file.
    external = edge(model(Linear), row).to_executorch(ExecutorchBackendConfig(external_constants=True))
    save("external.pte", external.buffer)
    external.write_tensor_data_to_file(str(HERE))
    for file in HERE.glob("_default_external_constant.ptd"):
        file.rename(HERE / "external.ptd")

    # The source line of each instruction.
    save("stacktrace.pte", edge(model(Linear), row).to_executorch(ExecutorchBackendConfig(emit_stacktrace=True)).buffer)

    # A buffer that is written and begins with values of its own, and one that keeps its name.
    save(
        "initialised.pte",
        edge(model(Counter), four)
        .to_executorch(ExecutorchBackendConfig(passes=[InitializedMutableBufferPass(["state"])]))
        .buffer,
    )
    save(
        "named_buffer.pte",
        edge(model(Counter), four).to_executorch(ExecutorchBackendConfig(emit_mutable_buffer_names=True)).buffer,
    )

    # Without a header: one FlatBuffer with its constants inside, as before segments.
    program = deserialize_pte_binary(edge(model(Linear), row).to_executorch().buffer).program
    program.segments, program.constant_segment = [], None
    old = _program_to_flatbuffer(program, constant_tensor_alignment=16, delegate_alignment=16)
    save("headerless.pte", old.data if hasattr(old, "data") else old)

    # With two test cases, one of them with an output to expect.
    plain = edge(model(Linear), row).to_executorch()
    cases = [MethodTestCase(inputs=row, expected_outputs=model(Linear)(*row)), MethodTestCase(inputs=(torch.zeros(1, 3),))]
    bundle = BundledProgram(plain, [MethodTestSuite(method_name="forward", test_cases=cases)])
    save("bundled.bpte", serialize_from_bundled_program_to_flatbuffer(bundle))

    facts = {}
    for file in sorted([*HERE.glob("*.pte"), *FIXTURES.glob("models/*/*/model.pte*")]):
        data = file.read_bytes()
        if file.suffix == ".zst":
            data = zstandard.ZstdDecompressor().decompress(data, max_output_size=1 << 27)
        root = HERE if file.parent == HERE else FIXTURES
        name = str(file.relative_to(root)).removesuffix(".zst")
        facts[name] = [facts_of(plan, data) for plan in plans(data)]
    # A line for each program.
    lines = [f"{json.dumps(name)}: {json.dumps(methods)}" for name, methods in sorted(facts.items())]
    (HERE / "facts.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


SIZES = {"SHORT": 2, "INT": 4, "LONG": 8, "HALF": 2, "FLOAT": 4, "DOUBLE": 8, "BFLOAT16": 2}


def plans(data):
    return deserialize_pte_binary(data).program.execution_plan


def counts(names):
    return dict(sorted(collections.Counter(names).items()))


def fnv(chunks):
    """FNV-1a, as the tests compute it."""
    value = 0xCBF29CE484222325
    for chunk in chunks:
        for byte in chunk:
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def facts_of(plan, data):
    program = deserialize_pte_binary(data).program
    tensors = [v.val for v in plan.values if type(v.val).__name__ == "Tensor"]
    constants = [
        # Restored up to the next constant, padding included.
        program.constant_buffer[t.data_buffer_idx].storage[: math.prod(t.sizes) * SIZES.get(t.scalar_type.name, 1)]
        for t in tensors
        if t.data_buffer_idx > 0
        and t.allocation_info is None
        and (t.extra_tensor_info is None or t.extra_tensor_info.location == 0)
    ]
    return {
        "method": plan.name,
        "inputs": plan.inputs,
        "outputs": plan.outputs,
        "values": counts(type(v.val).__name__ for v in plan.values),
        "instructions": counts(type(i.instr_args).__name__ for c in plan.chains for i in c.instructions),
        "operators": [f"{o.name}.{o.overload}" if o.overload else o.name for o in plan.operators],
        "delegates": [d.id for d in plan.delegates],
        "planned": plan.non_const_buffer_sizes,
        "elements": sum(math.prod(t.sizes) for t in tensors),
        "constants": f"{len(constants)}:{fnv(constants)}",
    }


if __name__ == "__main__":
    main()
