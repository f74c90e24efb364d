"""Makes cases: random and edge values, the natural outputs of an operator, and spoilt copies of good cases."""

import copy
import functools
import itertools
import math

import torch
from corpus_case import Case, Out, dim_order_of, make_label, schema_of
from torch.utils import _pytree as pytree

F32, F64, F16, BF16 = torch.float32, torch.float64, torch.float16, torch.bfloat16
I64, I32, I16, I8, U8, BOOL = torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool
FLOATS = [F32, F64, F16, BF16]
INTEGERS = [I64, I32, I16, I8, U8]
REAL = FLOATS + INTEGERS
ALL = REAL + [BOOL]
MIX = [F32, F64, F16, BF16, I64, I32, I16, I8, U8, BOOL]


def rand(dtype, *shape, low=-4.0, high=4.0) -> torch.Tensor:
    """Values between low and high (a few of them equal for integers)."""
    if dtype == BOOL:
        return torch.rand(shape) > 0.5
    if dtype.is_complex:
        return torch.complex(torch.randn(shape), torch.randn(shape)).to(dtype)
    if dtype.is_floating_point:
        return (torch.rand(shape, dtype=torch.float64) * (high - low) + low).to(dtype)
    if dtype in (U8, torch.uint16, torch.uint32, torch.uint64):
        low = max(low, 0)
    return torch.randint(math.ceil(low), max(math.floor(high), math.ceil(low)) + 1, shape, dtype=I64).to(dtype)


def wide(dtype, *shape) -> torch.Tensor:
    """Values over the dtype's whole range for integers, many magnitudes for floats."""
    if dtype == BOOL:
        return rand(dtype, *shape)
    if dtype.is_floating_point:
        return (torch.randn(shape, dtype=torch.float64) * 10 ** (torch.rand(shape, dtype=torch.float64) * 8 - 4)).to(
            dtype
        )
    info = torch.iinfo(dtype)
    return torch.randint(info.min, info.max, shape, dtype=dtype)


def edges(dtype) -> torch.Tensor:
    """The numbers at which operators differ."""
    if dtype == BOOL:
        return torch.tensor([False, True])
    if dtype.is_floating_point:
        info = torch.finfo(dtype)
        numbers = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, math.inf, -math.inf, math.nan]
        numbers += [info.max, info.min, info.tiny, info.tiny / 4, 1 + info.eps, 3.0, 88.5, -88.5, 710.0, 1e-3]
        return torch.tensor(numbers, dtype=torch.float64).to(dtype)
    info = torch.iinfo(dtype)
    numbers = [0, 1, 2, 3, 7, 100, info.max, info.max - 1, info.min, info.min + 1]
    return torch.tensor(numbers + ([] if info.min == 0 else [-1, -2, -7]), dtype=dtype)


def pairs(a: torch.dtype, b: torch.dtype, zero: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Each edge of one dtype against each of the other, thinned out."""
    left, right = edges(a), edges(b)
    if not zero:
        right = right[right != 0]
    rows = torch.cartesian_prod(torch.arange(len(left)), torch.arange(len(right)))
    rows = rows[:: max(1, len(rows) // 60) | 1]
    return left[rows[:, 0]].clone(), right[rows[:, 1]].clone()


def last(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


@functools.cache
def functional(op: str):
    """The overload that returns what an out variant writes, if there is one."""
    namespace, rest = op.split("::")
    base = rest.partition(".")[0]
    if namespace == "executorch_prim":
        return None
    packet = getattr(getattr(torch.ops, namespace), base, None)
    if packet is None:
        return None
    wanted = [(a.name, str(a.type)) for a in schema_of(op).arguments if not a.is_out]
    ignored = {"dtype", "layout", "device", "pin_memory"}
    best = None
    for overload in packet.overloads():
        candidate = getattr(packet, overload)
        arguments = candidate._schema.arguments
        if any(a.alias_info is not None and a.alias_info.is_write for a in arguments):
            continue
        names = [(a.name, str(a.type)) for a in arguments]
        extra = [n for n in names if n not in wanted]
        if [n for n in names if n in wanted] == wanted and all(n[0] in ignored for n in extra):
            best = candidate if best is None or len(extra) < best[1] else best[0], len(extra)
    return best[0] if best else None


def call(op: str, args: list):
    schema, function = schema_of(op), functional(op)
    if function is None:
        raise NotImplementedError(op)
    given = {a.name: value for a, value in zip(schema.arguments, args)}
    positional = [given[a.name] for a in function._schema.arguments if not a.kwarg_only and a.name in given]
    named = {a.name: given[a.name] for a in function._schema.arguments if a.kwarg_only and a.name in given}
    return function(*positional, **named)


def natural(op: str, args: list) -> list | None:
    """The outputs PyTorch gives, as declarations; nothing where it refuses."""
    # Without data first: PyTorch dies of the least integer divided by -1.
    attempts = [lambda: pytree.tree_map_only(torch.Tensor, lambda t: t.to("meta"), args), lambda: args]
    for attempt in attempts:
        try:
            result = call(op, attempt())
        except Exception:
            continue
        items = list(result) if isinstance(result, tuple) else [result]
        return [[Out.like(t) for t in item] if isinstance(item, list) else Out.like(item) for item in items]
    try:  # as if it were float32, with the dtype of the first tensor
        first = next(t for t in pytree.tree_leaves(args) if isinstance(t, torch.Tensor))
        result = call(op, pytree.tree_map_only(torch.Tensor, lambda t: t.float() if t.is_floating_point() else t, args))
        items = list(result) if isinstance(result, tuple) else [result]
        if any(isinstance(item, list) for item in items):
            return None
        outs = [Out.like(item) for item in items]
        for out in outs:
            out.dtype = first.dtype if out.dtype == F32 else out.dtype
        return outs
    except Exception:
        return None


def complete(op: str, args: list, named: dict) -> list:
    """All arguments in the schema's order, defaults filled in."""
    schema = schema_of(op)
    if schema is None:
        return list(args)
    result = []
    for index, argument in enumerate(a for a in schema.arguments if not a.is_out):
        if index < len(args):
            result.append(args[index])
        elif argument.name in named:
            result.append(named[argument.name])
        else:
            result.append(argument.default_value)
    return result


def case(op: str, *args, outs=None, dtype=None, static=False, label="", random=False, order=None, **named):
    """A case; its outputs are PyTorch's, unless given. `dtype` (or a list of them) replaces the outputs' dtype."""
    args = complete(op, list(args), named)
    outs = natural(op, args) if outs is None else outs
    if outs is None:
        return None
    outs = copy.deepcopy(outs) if not any(isinstance(out, torch.Tensor) for out in outs) else outs
    flat = [out for out in pytree.tree_leaves(outs, is_leaf=lambda o: isinstance(o, Out)) if isinstance(out, Out)]
    for index, out in enumerate(flat):
        if dtype is not None:
            out.dtype = dtype[index] if isinstance(dtype, list) else dtype
        out.static = static
        if order is not None:
            out.dim_order = order
    made = Case(op, args, outs, random=random)
    made.label = label or make_label(made)
    return made


def first_out(made: Case) -> Out | None:
    out = made.outs[0] if made.outs else None
    out = out[0] if isinstance(out, list) and out else out
    return out if isinstance(out, Out) else None


def clone_case(made: Case) -> Case:
    """A copy whose outputs may be changed; the tensors are shared."""
    outs = made.outs
    if not any(isinstance(out, torch.Tensor) for out in outs):
        outs = copy.deepcopy(outs)
    return Case(made.op, list(made.args), outs, random=made.random)


def variants(made: Case, outs: bool = True):
    """Copies of a good case with another output or another argument; most of them are refused."""

    def relabelled(other, what):
        if made.outs and isinstance(made.outs[0], torch.Tensor):  # in place
            other.outs = [other.args[0]]
        other.label = f"{make_label(other)} ({what})"
        return other

    out = first_out(made) if outs else None
    if out is not None:
        for dtype in (F64, F16, I32, I64, U8, BOOL, F32):
            if dtype != out.dtype:
                other = clone_case(made)
                first_out(other).dtype = dtype
                yield relabelled(other, f"out {str(dtype)[6:]}")
        if out.sizes:
            for change, what in ((1, "longer"), (-1, "shorter")):
                if out.sizes[-1] + change >= 0:
                    other = clone_case(made)
                    first_out(other).sizes[-1] += change
                    first_out(other).static = True
                    yield relabelled(other, f"static out {what}")
            if out.sizes[0] > 1:
                other = clone_case(made)
                first_out(other).sizes[0] -= 1
                yield relabelled(other, "bound too small")
        for static in (True, False):
            other = clone_case(made)
            first_out(other).sizes, first_out(other).dim_order = [1, *out.sizes], None
            first_out(other).static = static
            yield relabelled(other, "rank of out")
        if len(out.sizes) == 4:
            other = clone_case(made)
            first_out(other).dim_order = [0, 1, 2, 3] if out.order() == [0, 2, 3, 1] else [0, 2, 3, 1]
            yield relabelled(other, "dim order of out")
        if len(made.outs) > 1 and isinstance(made.outs[1], Out):
            for dtype in (I32, F16, F32):
                if dtype != made.outs[1].dtype:
                    other = clone_case(made)
                    other.outs[1].dtype = dtype
                    yield relabelled(other, f"second out {str(dtype)[6:]}")
    schema = schema_of(made.op)
    if schema is None:
        return
    rank = next((value.dim() for value in made.args if isinstance(value, torch.Tensor)), None)
    for index, (argument, value) in enumerate(zip(schema.arguments, made.args)):
        name = argument.name
        if isinstance(value, bool):
            continue
        if rank is not None and name in ("dim", "axis", "dim0", "dim1") and isinstance(value, int):
            for wrong in (rank, -rank - 1) if rank else (1, -2):
                other = clone_case(made)
                other.args[index] = wrong
                yield relabelled(other, f"{name} out of range")
        if rank is not None and name in ("dim", "dims") and isinstance(value, (list, tuple)):
            for wrong in ([rank + 1], [0, 0], [0, -max(rank, 1)]):
                other = clone_case(made)
                other.args[index] = wrong
                yield relabelled(other, f"{name} wrong")
        if isinstance(value, torch.Tensor) and value.numel():
            for dtype in (F64, F16, I64, I32, U8, BOOL, BF16, F32):
                if dtype != value.dtype and not value.dtype.is_complex:
                    other = clone_case(made)
                    other.args[index] = (
                        value.nan_to_num(1, 1, 1).to(dtype) if value.is_floating_point() else value.to(dtype)
                    )
                    yield relabelled(other, f"{name} as {str(dtype)[6:]}")
            if value.dim():
                other = clone_case(made)
                other.args[index] = torch.cat([value, value[-1:]])
                yield relabelled(other, f"{name} longer")
                other = clone_case(made)
                other.args[index] = value[None]
                yield relabelled(other, f"{name} of higher rank")
            if value.dim() == 4 and dim_order_of(value) == [0, 1, 2, 3]:
                other = clone_case(made)
                other.args[index] = last(value)
                yield relabelled(other, f"{name} channels last")


def product(*lists):
    return itertools.product(*lists)


REGISTRY = {}


def register(*names):
    """Binds a generator of cases to operators; it gets the operator's name."""

    def bind(function):
        for name in names:
            REGISTRY.setdefault(name if "::" in name else f"aten::{name}", []).append(function)
        return function

    return bind
