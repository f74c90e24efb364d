"""One case of the operator corpus, and the program that holds it."""

import dataclasses
import functools
import json
import math

import torch
from executorch.exir import schema as fb
from executorch.exir._serialize._program import PTEFile, serialize_pte_binary
from executorch.exir.scalar_type import ScalarType
from torch.utils import _pytree as pytree

# Schemas that PyTorch does not know; from ExecuTorch's functions.yaml and quantized.yaml.
OWN_SCHEMAS = [
    "et_copy::_h2d_copy.out(Tensor self, *, Tensor(a!) out) -> Tensor(a!)",
    "et_copy::_d2h_copy.out(Tensor self, *, Tensor(a!) out) -> Tensor(a!)",
    "dim_order_ops::_empty_dim_order.out(int[] size, *, int[]? dim_order=None, Tensor(a!) out) -> Tensor(a!)",
    "dim_order_ops::_to_dim_order_copy.out(Tensor self, *, bool non_blocking=False, int[]? dim_order=None,"
    " Tensor(a!) out) -> Tensor(a!)",
    "dim_order_ops::_clone_dim_order.out(Tensor self, *, bool non_blocking=False, int[]? dim_order=None,"
    " Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::add.out(Tensor a, float a_scale, int a_zero_point, int a_quant_min, int a_quant_max,"
    " Tensor b, float b_scale, int b_zero_point, int b_quant_min, int b_quant_max, float out_scale,"
    " int out_zero_point, int out_quant_min, int out_quant_max, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::choose_qparams.Tensor_out(Tensor input, int quant_min, int quant_max, float eps,"
    " ScalarType dtype, *, Tensor(a!) scale_out, Tensor(b!) zero_point_out) -> (Tensor(a!), Tensor(b!))",
    "quantized_decomposed::dequantize_per_tensor.out(Tensor input, float scale, int zero_point, int quant_min,"
    " int quant_max, ScalarType dtype, *, ScalarType? out_dtype=None, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::dequantize_per_tensor.Tensor_out(Tensor input, Tensor scale, Tensor zero_point,"
    " int quant_min, int quant_max, ScalarType dtype, *, ScalarType? out_dtype=None, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::quantize_per_channel.out(Tensor input, Tensor scales, Tensor zero_points, int axis,"
    " int quant_min, int quant_max, ScalarType dtype, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::dequantize_per_channel.out(Tensor input, Tensor scales, Tensor? zero_points, int axis,"
    " int quant_min, int quant_max, ScalarType dtype, *, ScalarType? out_dtype=None, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::embedding_byte.out(Tensor weight, Tensor weight_scales, Tensor? weight_zero_points,"
    " int weight_quant_min, int weight_quant_max, Tensor indices, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::embedding_byte.dtype_out(Tensor weight, Tensor weight_scales, Tensor? weight_zero_points,"
    " int weight_quant_min, int weight_quant_max, Tensor indices, *, ScalarType? dtype=None, Tensor(a!) out)"
    " -> Tensor(a!)",
    "quantized_decomposed::embedding_2bit.out(Tensor weight, Tensor weight_scales, Tensor? weight_zero_points,"
    " int weight_quant_min, int weight_quant_max, Tensor indices, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::embedding_2bit.dtype_out(Tensor weight, Tensor weight_scales, Tensor? weight_zero_points,"
    " int weight_quant_min, int weight_quant_max, Tensor indices, ScalarType? dtype=None, *, Tensor(a!) out)"
    " -> Tensor(a!)",
    "quantized_decomposed::embedding_4bit.out(Tensor weight, Tensor weight_scales, Tensor? weight_zero_points,"
    " int weight_quant_min, int weight_quant_max, Tensor indices, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::embedding_4bit.dtype_out(Tensor weight, Tensor weight_scales, Tensor? weight_zero_points,"
    " int weight_quant_min, int weight_quant_max, Tensor indices, ScalarType? dtype=None, *, Tensor(a!) out)"
    " -> Tensor(a!)",
    "quantized_decomposed::mixed_mm.out(Tensor input, Tensor weight, Tensor weight_scales,"
    " Tensor? weight_zero_points, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::mixed_linear.out(Tensor input, Tensor weight, Tensor weight_scales,"
    " Tensor? weight_zero_points, ScalarType? dtype=None, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::quantize_per_tensor.out(Tensor input, float scale, int zero_point, int quant_min,"
    " int quant_max, ScalarType dtype, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::quantize_per_tensor.Tensor_out(Tensor input, Tensor scale, Tensor zero_point,"
    " int quant_min, int quant_max, ScalarType dtype, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::choose_qparams_per_token_asymmetric.out(Tensor input, ScalarType dtype, *,"
    " Tensor(a!) scale_out, Tensor(b!) zero_point_out) -> (Tensor(a!), Tensor(b!))",
    "quantized_decomposed::quantize_per_token.out(Tensor input, Tensor scales, Tensor zero_points, int quant_min,"
    " int quant_max, ScalarType dtype, *, Tensor(a!) out) -> Tensor(a!)",
    "quantized_decomposed::dequantize_per_token.out(Tensor input, Tensor scales, Tensor zero_points, int quant_min,"
    " int quant_max, ScalarType dtype, ScalarType output_dtype, *, Tensor(a!) out) -> Tensor(a!)",
    "aten::bitwise_left_shift.Tensor_Scalar_out(Tensor self, Scalar other, *, Tensor(a!) out) -> Tensor(a!)",
    "aten::bitwise_right_shift.Tensor_Scalar_out(Tensor self, Scalar other, *, Tensor(a!) out) -> Tensor(a!)",
]

DTYPES = {
    torch.uint8: ScalarType.BYTE,
    torch.int8: ScalarType.CHAR,
    torch.int16: ScalarType.SHORT,
    torch.int32: ScalarType.INT,
    torch.int64: ScalarType.LONG,
    torch.float16: ScalarType.HALF,
    torch.float32: ScalarType.FLOAT,
    torch.float64: ScalarType.DOUBLE,
    torch.complex32: 8,
    torch.complex64: ScalarType.COMPLEX64,
    torch.complex128: ScalarType.COMPLEX128,
    torch.bool: ScalarType.BOOL,
    torch.bfloat16: ScalarType.BFLOAT16,
    torch.uint16: ScalarType.UINT16,
    torch.uint32: ScalarType.UINT32,
    torch.uint64: ScalarType.UINT64,
}
MEMORY_FORMATS = {torch.contiguous_format: 0, torch.preserve_format: 1, torch.channels_last: 2}
LAYOUTS = {torch.strided: 0}


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


@functools.cache
def schema_of(op: str):
    """The arguments of an operator, as PyTorch's schema, or nothing for an executorch_prim."""
    for text in OWN_SCHEMAS:
        if text.startswith(op + "("):
            return torch._C.parse_schema(text)
    namespace, rest = op.split("::")
    if namespace == "executorch_prim":
        return None
    base, _, overload = rest.partition(".")
    return getattr(getattr(getattr(torch.ops, namespace), base), overload or "default")._schema


def dim_order_of(tensor: torch.Tensor) -> list[int]:
    if tensor.dim() == 4 and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last):
        return [0, 2, 3, 1]
    return list(range(tensor.dim()))


@dataclasses.dataclass
class Out:
    """An output tensor as the program declares it."""

    dtype: torch.dtype
    sizes: list[int]
    dim_order: list[int] | None = None
    static: bool = False

    @staticmethod
    def like(tensor: torch.Tensor) -> "Out":
        return Out(tensor.dtype, list(tensor.shape), dim_order_of(tensor))

    def order(self) -> list[int]:
        order = self.dim_order
        return list(range(len(self.sizes))) if order is None or len(order) != len(self.sizes) else order


@dataclasses.dataclass
class Case:
    """An operator with its arguments (in the schema's order, without the outputs) and its declared outputs.

    `outs` holds an `Out`, or a list of them for a list of tensors; for an executorch_prim that answers with a scalar, a
    placeholder (`0`, `0.0`, `False`).
    """

    op: str
    args: list
    outs: list
    label: str = ""
    random: bool = False
    reduction: bool = False
    integral: bool = False
    program: bytes | None = None  # of an exported case
    inputs: list | None = None
    exported: bool = False
    dynamic: bool = False  # whether the inputs may change their shape

    def tensors(self) -> list[torch.Tensor]:
        """The inputs of the program, each tensor once."""
        if self.inputs is not None:
            return self.inputs
        found = []
        for value in pytree.tree_leaves(self.args):
            if isinstance(value, torch.Tensor) and not any(value is other for other in found):
                found.append(value)
        return found

    def dtype(self) -> str:
        tensors = self.tensors()
        if tensors:
            return name_of(tensors[0].dtype)
        outs = [
            out for out in pytree.tree_leaves(self.outs, lambda leaf: isinstance(leaf, Out)) if isinstance(out, Out)
        ]
        return name_of(outs[0].dtype) if outs else "scalar"


def make_label(case: Case) -> str:
    """Says what the arguments are: dtypes and shapes, then every scalar."""
    schema = schema_of(case.op)
    names = [argument.name for argument in schema.arguments] if schema else [""] * len(case.args)
    words = []
    for name, value, index in zip(names, case.args, range(len(names))):
        default = schema.arguments[index].default_value if schema else None
        if isinstance(value, torch.Tensor) or (
            isinstance(value, (list, tuple)) and any(isinstance(item, torch.Tensor) for item in value)
        ):
            words.append(text_of(value))
        elif schema is None or value != default or type(value) is not type(default):
            words.append(f"{name}={text_of(value)}" if name else text_of(value))
    if schema is not None:
        words += ["->" + text_of(case.outs[0])] if len(case.outs) == 1 and isinstance(case.outs[0], Out) else []
    text = " ".join(words)
    return text if len(text) <= 160 else text[:157] + "..."


def text_of(value) -> str:
    if isinstance(value, torch.Tensor):
        order = "" if dim_order_of(value) == list(range(value.dim())) else "cl"
        return f"{name_of(value.dtype)}({','.join(map(str, value.shape))}){order}"
    if isinstance(value, Out):
        order = "" if value.order() == list(range(len(value.sizes))) else "cl"
        return f"{name_of(value.dtype)}({','.join(map(str, value.sizes))}){order}" + ("static" if value.static else "")
    if isinstance(value, torch.dtype):
        return name_of(value)
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(text_of, value)) + "]"
    return str(value).removeprefix("torch.")


class Emitter:
    """Writes one case as a program, the way the exporter does.

    With `guards`, 64 bytes stand behind every tensor, as further inputs that are outputs too: what an operator writes
    or reads beyond its tensors then shows.
    """

    GUARD = 64

    def __init__(self, case: Case, guards: bool = False):
        self.case, self.guards = case, guards
        self.values, self.used = [], self.GUARD if guards else 0
        self.tensor_ids, self.guard_ids = {}, []

    def add(self, value) -> int:
        self.values.append(fb.EValue(value))
        return len(self.values) - 1

    def planned(self, dtype, sizes, dim_order, static: bool) -> int:
        tensor = fb.Tensor(
            scalar_type=DTYPES[dtype],
            storage_offset=0,
            sizes=list(sizes),
            dim_order=list(dim_order),
            requires_grad=False,
            layout=0,
            data_buffer_idx=0,
            allocation_info=fb.AllocationDetails(memory_id=1, memory_offset_low=self.used, memory_offset_high=0),
            shape_dynamism=fb.TensorShapeDynamism.STATIC if static else fb.TensorShapeDynamism.DYNAMIC_BOUND,
        )
        size = math.prod(sizes) * dtype.itemsize
        self.used += (size + 15) // 16 * 16
        value = self.add(tensor)
        if self.guards:
            guard = dataclasses.replace(
                tensor,
                scalar_type=ScalarType.BYTE,
                sizes=[self.GUARD],
                dim_order=[0],
                shape_dynamism=fb.TensorShapeDynamism.STATIC,
                allocation_info=fb.AllocationDetails(1, self.used, 0),
            )
            self.used += self.GUARD
            self.guard_ids.append(self.add(guard))
        return value

    def out(self, out: Out) -> int:
        if self.case.op == "executorch_prim::et_view.default":
            source = self.values[self.tensor_ids[id(self.case.args[0])]].val
            saved, self.used = self.used, source.allocation_info.memory_offset_low
            guards, self.guards = self.guards, False
            value = self.planned(out.dtype, out.sizes, out.order(), out.static)
            self.guards, self.used = guards, max(saved, self.used)
            return value
        return self.planned(out.dtype, out.sizes, out.order(), out.static)

    def argument(self, value, kind: str) -> int:
        optional = kind.startswith("Optional[")
        if optional:
            kind = kind.removeprefix("Optional[").removesuffix("]")
        if value is None:
            return self.add(fb.Null())
        if isinstance(value, torch.Tensor):
            return self.tensor_ids[id(value)]
        if isinstance(value, (list, tuple)):
            if kind == "List[Tensor]":
                return self.add(fb.TensorList([self.tensor_ids[id(item)] for item in value]))
            if kind == "List[Optional[Tensor]]":
                return self.add(
                    fb.OptionalTensorList([-1 if item is None else self.tensor_ids[id(item)] for item in value])
                )
            if kind == "List[float]":
                return self.add(fb.DoubleList([float(item) for item in value]))
            if kind == "List[bool]":
                return self.add(fb.BoolList(list(value)))
            return self.add(fb.IntList([self.add(fb.Int(item)) for item in value]))
        if isinstance(value, torch.dtype):
            return self.add(fb.Int(int(DTYPES[value])))
        if isinstance(value, torch.layout):
            return self.add(fb.Int(LAYOUTS[value]))
        if isinstance(value, torch.memory_format):
            return self.add(fb.Int(MEMORY_FORMATS[value]))
        if isinstance(value, str):
            return self.add(fb.String(value))
        if isinstance(value, bool):
            return self.add(fb.Bool(value))
        if isinstance(value, float) or kind == "float":
            return self.add(fb.Double(float(value)))
        return self.add(fb.Int(value))

    def program(self) -> bytes:
        case = self.case
        schema = schema_of(case.op)
        inputs = []
        for tensor in case.tensors():
            value = self.planned(tensor.dtype, tensor.shape, dim_order_of(tensor), not case.dynamic)
            self.tensor_ids[id(tensor)] = value
            inputs.append(value)
        # Out tensors come before the constants, as in an exported program.
        results = []
        for out in case.outs:
            if isinstance(out, Out):
                results.append(self.out(out))
            elif isinstance(out, list):
                results.append([self.out(item) for item in out])
            elif isinstance(out, torch.Tensor):  # an operator in place
                results.append(self.tensor_ids[id(out)])
            elif isinstance(out, bool):
                results.append(self.add(fb.Bool(out)))
            elif isinstance(out, float):
                results.append(self.add(fb.Double(out)))
            else:
                results.append(self.add(fb.Int(out)))
        kinds = [str(argument.type) for argument in schema.arguments] if schema else ["int[]"] * len(case.args)
        args = [self.argument(value, kind) for value, kind in zip(case.args, kinds)]
        flat = [item for result in results for item in (result if isinstance(result, list) else [result])]
        if schema is not None and any(argument.is_out for argument in schema.arguments):
            if len(results) == 1 and isinstance(results[0], list):
                args += [self.add(fb.TensorList(flat)), self.add(fb.TensorList(flat))]
            elif len(results) == 1:
                args += [results[0], results[0]]
            else:
                args += results + [self.add(fb.TensorList(flat))]
        elif schema is not None or not isinstance(case.outs[0], torch.Tensor):
            args += flat
        namespace_name, _, overload = case.op.partition(".")
        plan = fb.ExecutionPlan(
            name="forward",
            container_meta_type=container(len(inputs) + len(self.guard_ids), len(flat) + len(self.guard_ids)),
            values=self.values,
            inputs=inputs + self.guard_ids,
            outputs=flat + self.guard_ids,
            chains=[fb.Chain([], [], [fb.Instruction(fb.KernelCall(0, args))], None)],
            operators=[fb.Operator(namespace_name, overload)],
            delegates=[],
            non_const_buffer_sizes=[0, self.used],
        )
        program = fb.Program(0, [plan], [fb.Buffer(b"")], [], [], fb.SubsegmentOffsets(0, []))
        return bytes(serialize_pte_binary(PTEFile(program)))


@functools.cache
def container(inputs: int, outputs: int) -> fb.ContainerMetadata:
    leaf = {"type": None, "context": None, "children_spec": []}

    def branch(kind, children):
        return {"type": kind, "context": "null" if kind == "builtins.tuple" else "[]", "children_spec": children}

    arguments = branch("builtins.tuple", [leaf] * inputs)
    given = [1, branch("builtins.tuple", [arguments, branch("builtins.dict", [])])]
    answer = [1, leaf if outputs == 1 else branch("builtins.tuple", [leaf] * outputs)]
    return fb.ContainerMetadata(json.dumps(given), json.dumps(answer))
