"""Cases of executorch_prim and of the aten operators that answer with a number."""

import math

import torch
from corpus_case import Case, Out, text_of
from corpus_make import ALL, F32, F64, I32
from corpus_make import case, edges, last, rand, register

HALF = 2**62


def made(op, *args, out=0, **more):
    return Case(op, list(args), [out], label=" ".join(map(text_of, args)), **more)


INTEGER_PAIRS = [
    (7, 2),
    (-7, 2),
    (7, -2),
    (-7, -2),
    (0, 3),
    (5, 5),
    (6, 3),
    (1, 0),
    (0, 0),
    (HALF, HALF),
    (-HALF, 3),
    (1, 10),
]
DOUBLE_PAIRS = [
    (7.5, 2.0),
    (-7.5, 2.0),
    (7.5, -2.0),
    (0.0, 3.0),
    (1.0, 0.0),
    (0.0, 0.0),
    (math.nan, 1.0),
    (math.inf, 2.0),
    (1.0, math.inf),
    (-math.inf, math.inf),
    (1e300, 1e300),
    (2.0, 2.0),
    (-0.0, 0.0),
    (5e-324, 2.0),
]
MIXED_PAIRS = [(7, 2.0), (-7.5, 2), (0, 2.5), (3, 3.0), (2**53 + 1, float(2**53)), (1, math.nan)]
BOOLS = [(True, False), (True, True), (False, 3), (2, True), (1.5, True)]


def is_comparison(op):
    return any(f"::{name}." in op for name in ("eq", "gt", "lt", "ge", "le"))


@register(
    *(
        f"executorch_prim::{name}.Scalar"
        for name in "add sub mul floordiv truediv mod eq gt lt ge le sym_max sym_min".split()
    ),
    "executorch_prim::floordiv.int",
    "executorch_prim::mod.int",
)
def two(op):
    for a, b in INTEGER_PAIRS + DOUBLE_PAIRS + MIXED_PAIRS + BOOLS:
        big = "add" in op or "mul" in op or "sub" in op
        if big and isinstance(a, int) and isinstance(b, int) and abs(a) == HALF:
            continue  # a signed overflow, which C++ leaves open
        yield made(op, a, b, out=False if is_comparison(op) else 0)
    yield made(op, 1, None)
    yield made(op, 1)


@register(*(f"executorch_prim::{name}.Scalar" for name in "neg ceil round trunc sym_float sym_int sym_not".split()))
def one(op):
    numbers = [0, 1, -7, HALF, 0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 3.7, -3.7, 1e15 + 0.5, 12.0, True, False]
    if not any(name in op for name in ("ceil", "round", "trunc", "sym_int")):
        numbers += [math.nan, math.inf, -math.inf, 1e300]
    for number in numbers:
        yield made(op, number, out=False if "sym_not" in op else 0)
    yield made(op, None)
    yield made(op, 1, 2)


@register("executorch_prim::sym_ite.Scalar")
def choice(op):
    for which in (True, False):
        for a, b in ((1, 2), (1.5, 2.5), (1, 2.5), (2.5, 1), (True, False), (math.nan, -math.inf), (-HALF, HALF)):
            yield made(op, which, a, b)
    for which in (1, 0, 2.0, None):
        yield made(op, which, 1, 2)


@register("aten::sym_size.int")
def sym_size(op):
    for dtype in ALL:
        for dim in (0, 1, -1, -2):
            yield case(op, rand(dtype, 2, 3), dim, outs=[0])
    yield case(op, rand(F32, 0, 4), 0, outs=[0])
    yield case(op, rand(F32, 2, 3, 4, 5), 2, outs=[0])
    yield case(op, last(rand(F32, 1, 3, 2, 4)), 1, outs=[0])
    for shape, dim in (((2, 3), 2), ((2, 3), -3), ((), 0), ((), -1)):
        yield case(op, rand(F32, *shape), dim, outs=[0])


@register("aten::sym_numel")
def sym_numel(op):
    for dtype in ALL:
        for shape in ((2, 3), (), (0, 4)):
            yield case(op, rand(dtype, *shape), outs=[0])
    yield case(op, last(rand(F32, 1, 3, 2, 4)), outs=[0])


@register("aten::_local_scalar_dense")
def local_scalar(op):
    for dtype in ALL:
        for number in edges(dtype)[::3]:
            yield case(op, number.clone(), outs=[0], label=f"{text_of(number)} {number.item()}")
        yield case(op, rand(dtype, 1, 1), outs=[0])
    yield case(op, rand(F32, 3), outs=[0])
    yield case(op, rand(F32, 0), outs=[0])
    yield case(op, rand(torch.complex64), outs=[0])


@register("executorch_prim::et_view.default")
def view(op):
    def viewed(tensor, size, sizes, dtype=None, **more):
        out = Out(dtype or tensor.dtype, sizes, **more)
        result = made(op, tensor, size, out=out)
        result.label += " ->" + text_of(out)
        return result

    for dtype in (*ALL, torch.complex64):
        yield viewed(rand(dtype, 2, 6), [3, 4], [3, 4])
        yield viewed(rand(dtype, 2, 6), [-1], [12])
        yield viewed(rand(dtype, 2, 6), [2, -1, 3], [2, 2, 3])
    yield viewed(rand(F32), [1, 1], [1, 1])
    yield viewed(rand(F32, 1), [], [])
    yield viewed(rand(F32, 0, 3), [3, 0], [3, 0])
    yield viewed(rand(F32, 4), [2, 2], [2, 2], static=True)
    yield viewed(rand(F32, 2), [2, 1], [4, 1])
    yield viewed(rand(F32, 4), [2, 3], [2, 3])
    yield viewed(rand(F32, 4), [-1, -1], [2, 2])
    yield viewed(rand(F32, 4), [-2, 2], [2, 2])
    yield viewed(rand(F32, 0, 3), [-1, 0], [3, 0])
    yield viewed(rand(F32, 4), [2, 2], [4])
    yield viewed(rand(F32, 4), [2, 2], [2, 2], I32)
    yield viewed(rand(F32, 4), [2, 2], [1, 2])
    yield viewed(rand(F32, 4), [4, 1], [2, 2], static=True)


@register("executorch_prim::et_copy_index.tensor")
def copy_index(op):
    def into(target, source, index, dynamic=True):
        result = made(op, target, source, index, out=target, dynamic=dynamic)
        result.label += "" if dynamic else " static"
        return result

    for dtype in ALL:
        for index in (0, 2):
            yield into(rand(dtype, 3, 4), rand(dtype, 4), index)
        yield into(rand(dtype, 3, 4), rand(dtype, 4), 2, dynamic=False)
    yield into(rand(F32, 3, 2, 2), rand(F32, 2, 2), 1)
    yield into(rand(F32, 3), rand(F32), 1)
    yield into(rand(F32, 3, 1), rand(F32, 1), 2)
    yield into(rand(F32, 3, 4), rand(F32, 4), 0, dynamic=False)
    yield into(rand(F32, 3, 4), rand(F32, 4), 3)
    yield into(rand(F32, 3, 4), rand(F32, 4), -1)
    yield into(rand(F32, 3, 4), rand(F32, 3), 0)
    yield into(rand(F32, 3, 4), rand(F64, 4), 0)
    yield into(rand(F32, 3, 4), rand(F32, 1, 4), 0)
