"""Cases of operators that create and fill."""

import math

import torch
from corpus_case import Out
from corpus_make import ALL, BF16, BOOL, F16, F32, F64, I32, I64
from corpus_make import case, last, rand, register

EVERY = [*ALL, torch.complex64]


SIZES = [[2, 3], [], [0], [5], [1, 2, 1, 3], [2, 0, 3]]


@register(
    "empty.out", "zeros.out", "ones.out", "rand.out", "randn.out", "full.out", "dim_order_ops::_empty_dim_order.out"
)
def creation(op):
    random = any(name in op for name in ("empty", "rand"))
    full = "full" in op
    for dtype in EVERY if "empty" in op else ALL:
        for size in ([2, 3], [4]):
            yield case(op, size, *([2] if full else []), outs=[Out(dtype, size)], random=random)
        if full:
            for value in (2.5, True, -1, 300, math.nan, math.inf):
                if math.isfinite(value) or dtype.is_floating_point:
                    yield case(op, [3], value, outs=[Out(dtype, [3])])
    for size in SIZES:
        yield case(op, size, *([2.5] if full else []), outs=[Out(F32, size)], random=random)
    yield case(op, [1, 3, 2, 2], *([2.5] if full else []), outs=[Out(F32, [1, 3, 2, 2], [0, 2, 3, 1])], random=random)
    yield case(op, [2, 3], *([2.5] if full else []), outs=[Out(F32, [2, 3], static=True)], random=random)
    yield case(op, [2, -1], *([2.5] if full else []), outs=[Out(F32, [2, 1])], random=random)
    yield case(op, [2, 4], *([2.5] if full else []), outs=[Out(F32, [2, 3])], random=random)
    if op == "aten::empty.out":
        for form in (torch.contiguous_format, torch.preserve_format, torch.channels_last):
            yield case(op, [1, 3, 2, 2], memory_format=form, outs=[Out(F32, [1, 3, 2, 2])], random=True)
            yield case(op, [1, 3, 2, 2], memory_format=form, outs=[Out(F32, [1, 3, 2, 2], [0, 2, 3, 1])], random=True)
    if "_empty_dim_order" in op:
        for order in ([0, 1, 2, 3], [0, 2, 3, 1], [3, 2, 1, 0], [0, 1]):
            yield case(op, [1, 3, 2, 2], dim_order=order, outs=[Out(F32, [1, 3, 2, 2])], random=True)
            yield case(op, [1, 3, 2, 2], dim_order=order, outs=[Out(F32, [1, 3, 2, 2], [0, 2, 3, 1])], random=True)


@register("full_like.out")
def full_like(op):
    for dtype in ALL:
        for value in (2, 2.5, True, -1):
            yield case(op, rand(dtype, 2, 3), value, outs=[Out(dtype, [2, 3])])
    for value in (math.nan, -math.inf, 1e30, 300):
        yield case(op, rand(F32, 2), value, outs=[Out(F32, [2])])
        yield case(op, rand(F16, 2), value, outs=[Out(F16, [2])])
    for shape in ((), (0, 2), (2, 1, 2)):
        yield case(op, rand(F32, *shape), 7)
    x = last(rand(F32, 1, 3, 2, 2))
    for form in (None, torch.contiguous_format, torch.preserve_format, torch.channels_last):
        yield case(op, x, 1.5, memory_format=form, outs=[Out.like(x)])
        yield case(op, rand(F32, 1, 3, 2, 2), 1.5, memory_format=form, outs=[Out(F32, [1, 3, 2, 2])])
    for a, b in ((F32, I32), (I32, F32), (F32, F64), (BOOL, F32)):
        yield case(op, rand(a, 3), 3, outs=[Out(b, [3])])


@register("fill.Scalar_out", "fill.Tensor_out")
def fill(op):
    def number(value):
        return torch.tensor(value) if "Tensor" in op else value

    for dtype in ALL:
        for value in (2, 2.5, True):
            yield case(op, rand(dtype, 2, 3), number(value), outs=[Out(dtype, [2, 3])])
    for value in (math.nan, -math.inf, -0.0):
        yield case(op, rand(F32, 2), number(value), outs=[Out(F32, [2])])
        yield case(op, rand(F16, 2), number(value), outs=[Out(F16, [2])])
    for shape in ((), (0, 2), (2, 1, 2)):
        yield case(op, rand(F32, *shape), number(7))
    yield case(op, last(rand(F32, 1, 3, 2, 2)), number(7))
    yield case(op, rand(F32, 2), number(7), outs=[Out(F64, [2])])
    if "Tensor" in op:
        yield case(op, rand(F32, 2), torch.tensor([1.0, 2.0]), outs=[Out(F32, [2])])
        yield case(op, rand(F32, 2), torch.tensor([3.0]), outs=[Out(F32, [2])])


@register("scalar_tensor.out")
def scalar_tensor(op):
    for dtype in ALL:
        for value in (3, 2.5, True, 0):
            yield case(op, value, outs=[Out(dtype, [])])
    for value in (math.nan, math.inf, -0.0, 1e300, -(2**40)):
        for dtype in (F32, F64, F16, BF16, I64):
            if dtype != I64 or math.isfinite(value) and abs(value) < 2**60:
                yield case(op, value, outs=[Out(dtype, [])])
    yield case(op, 3, outs=[Out(F32, [1])])


@register("arange.out", "arange.start_out")
def arange(op):
    if "start" not in op:
        for dtype in ALL:
            for end in (5, 0, 4.5, 3.0):
                yield case(op, end, outs=[Out(dtype, [math.ceil(end)])])
        for end in (-1, -2.5):
            yield case(op, end, outs=[Out(F32, [3])])
        yield case(op, 5, outs=[Out(F32, [3])])
        return
    for dtype in ALL:
        for start, end, step in ((0, 5, 1), (1, 9, 2), (5, 0, -2), (0.5, 3.0, 0.5), (3, 3, 1), (2, 4.5, 1)):
            yield case(op, start, end, step, outs=[Out(dtype, [max(0, math.ceil((end - start) / step))])])
        yield case(op, 1, 4, outs=[Out(dtype, [3])])
    yield case(op, 0.0, 1.0, 0.1, outs=[Out(F32, [10])])
    yield case(op, 0.0, 1.0, 0.1, outs=[Out(F64, [10])])
    yield case(op, 1, 0, 1, outs=[Out(F32, [1])])
    yield case(op, 0, 1, 0, outs=[Out(F32, [1])])
    yield case(op, 0, 3, -1, outs=[Out(F32, [3])])
