"""Cases of elementwise operators."""

import math

import torch
from corpus_case import Out
from corpus_make import ALL, BF16, BOOL, F16, F32, F64, FLOATS, I8, I16, I32, I64, INTEGERS, U8
from corpus_make import case, edges, last, pairs, rand, register, wide

UNARY = """abs acos acosh asin asinh atan atanh ceil cos cosh erf exp expm1 floor isinf isnan log log10 log1p log2
logical_not neg reciprocal relu round rsqrt sigmoid sign sin sinh sqrt tan tanh trunc bitwise_not""".split()


def shaped(op, make, dtypes=(F32,)):
    """The shapes every elementwise operator should see."""
    for dtype in dtypes:
        yield make(rand(dtype))
        yield make(rand(dtype, 0))
        yield make(rand(dtype, 2, 0, 3))
        yield make(rand(dtype, 2, 1, 3, 1, 2))
        yield make(last(rand(dtype, 1, 3, 2, 2)))


@register(*(f"{name}.out" for name in UNARY))
def unary(op):
    for dtype in ALL:
        yield case(op, edges(dtype))
        yield case(op, wide(dtype, 3, 5))
    yield case(op, rand(F32, 37, low=-1.0, high=1.0))
    yield case(op, rand(F32, 67, low=0.0, high=9.0))
    yield case(op, rand(F64, 7, low=-1.0, high=1.0))
    yield case(op, rand(F16, 37, low=-1.0, high=1.0))
    yield case(op, rand(BF16, 37, low=-1.0, high=1.0))
    yield from shaped(op, lambda t: case(op, t))
    yield case(op, rand(I32))
    yield case(op, rand(F32, 2, 3), static=True)
    for a, b in ((F32, F64), (F32, F16), (F64, F32), (I64, F64), (I32, F16), (F16, F32), (BOOL, F64), (BOOL, I32)):
        yield case(op, rand(a, 4), dtype=b)


ARITHMETIC = """add.out sub.out mul.out div.out div.out_mode floor_divide.out fmod.Tensor_out remainder.Tensor_out
pow.Tensor_Tensor_out maximum.out minimum.out atan2.out bitwise_and.Tensor_out bitwise_or.Tensor_out
bitwise_xor.Tensor_out bitwise_left_shift.Tensor_out bitwise_right_shift.Tensor_out logical_and.out logical_or.out
logical_xor.out eq.Tensor_out ne.Tensor_out lt.Tensor_out le.Tensor_out gt.Tensor_out ge.Tensor_out""".split()
DIVIDES = ("div", "floor_divide", "fmod", "remainder")
PROMOTIONS = [
    (F32, F64),
    (F32, F16),
    (F16, BF16),
    (I64, F32),
    (F16, I32),
    (U8, I8),
    (I16, I32),
    (BOOL, I64),
    (BOOL, F32),
    (I32, I64),
    (U8, F64),
    (F64, BF16),
    (I8, I16),
    (BOOL, U8),
]
SHAPES = [
    ((2, 3), (3,)),
    ((2, 1, 3), (4, 1)),
    ((), (3,)),
    ((3,), ()),
    ((), ()),
    ((1,), (2, 3)),
    ((0, 3), (3,)),
    ((0,), (1,)),
    ((2, 3), (2, 3)),
    ((2, 1), (1, 3)),
    ((1, 1, 5), (2, 3, 1)),
]


def modes(op):
    if op.endswith("div.out_mode"):
        return [{"rounding_mode": "floor"}, {"rounding_mode": "trunc"}, {"rounding_mode": None}]
    return [{}]


def divisor(op, tensor):
    """No zeros among integers where the operator divides (a shift stays within the width)."""
    if "shift" in op:
        return tensor.abs() % 7 if not tensor.is_floating_point() and tensor.dtype != BOOL else tensor
    if any(op.startswith(f"aten::{name}.") for name in DIVIDES) and not tensor.is_floating_point():
        return torch.ones_like(tensor) if tensor.dtype == BOOL else torch.where(tensor == 0, 3, tensor).to(tensor.dtype)
    if ".pow" in op or "::pow" in op:
        return tensor.abs() if not tensor.is_floating_point() and tensor.dtype != BOOL else tensor
    return tensor


@register(*ARITHMETIC)
def binary(op):
    for named in modes(op):
        for dtype in ALL:
            left, right = pairs(dtype, dtype)
            if "::pow" in op and not dtype.is_floating_point:  # not beyond the range of the integer
                yield case(op, rand(dtype, 20, low=-3, high=3), rand(dtype, 20, low=0, high=3))
            else:
                yield case(op, left, divisor(op, right), **named)
                yield case(op, wide(dtype, 2, 5), divisor(op, wide(dtype, 2, 5)), **named)
            yield case(op, rand(dtype, 3, 4), divisor(op, rand(dtype, 3, 4)), **named)
        for a, b in PROMOTIONS:
            yield case(op, rand(a, 2, 3), divisor(op, rand(b, 2, 3)), **named)
            yield case(op, rand(b, 4), divisor(op, rand(a)), **named)
        for a, b in SHAPES:
            yield case(op, rand(F32, *a), divisor(op, rand(F32, *b)), **named)
        for a, b in SHAPES[:4]:
            yield case(op, rand(I32, *a), divisor(op, rand(I32, *b)), **named)
        yield case(op, last(rand(F32, 1, 3, 2, 2)), divisor(op, last(rand(F32, 1, 3, 2, 2))), **named)
        yield case(op, last(rand(F32, 2, 3, 2, 2)), divisor(op, rand(F32, 1, 3, 1, 1)), **named)
        yield case(op, last(rand(F32, 2, 3, 2, 2)), divisor(op, rand(F32)), **named)
        yield case(op, last(rand(F32, 2, 3, 2, 2)), divisor(op, rand(F32, 2, 3, 2, 2)), **named)
        yield case(op, rand(F32, 70), divisor(op, rand(F32, 70)), **named)
        yield case(op, rand(F32, 9, 7), divisor(op, rand(F32, 9, 1)), **named)
        yield case(op, rand(F32, 2, 3), divisor(op, rand(F32, 2, 3)), static=True, **named)
        for a, b in ((F32, F64), (F32, F16), (F64, F32), (I32, I64), (I64, I32), (I32, F32), (BOOL, F32), (F16, F32)):
            yield case(op, rand(a, 3), divisor(op, rand(a, 3)), dtype=b, **named)
        yield case(op, rand(F32, 2, 3), rand(F32, 4), outs=None, **named) or refused(
            op, [rand(F32, 2, 3), rand(F32, 4)], named
        )
        if any(op.startswith(f"aten::{name}.") for name in DIVIDES):
            for dtype in (I32, U8, I64):
                yield case(op, torch.tensor([7, 1, 5], dtype=dtype), torch.tensor([2, 0, 1], dtype=dtype), **named)
    if op.endswith(("add.out", "sub.out")):
        for dtype in ALL:
            for alpha in (2, -3, 0.5, True):
                yield case(op, rand(dtype, 2, 3), rand(dtype, 3), alpha=alpha)
        yield case(op, rand(I32, 3), rand(F32, 3), alpha=2.5)
    if op.endswith("div.out_mode"):
        yield refused(op, [rand(F32, 3), rand(F32, 3)], {"rounding_mode": "ceil"})


def refused(op, args, named, like=None):
    """A case without natural outputs: those of the first tensor."""
    return case(op, *args, outs=[Out.like(like if like is not None else args[0])], **named)


SCALARED = """add.Scalar_out sub.Scalar_out mul.Scalar_out rsub.Scalar_out div.Scalar_out div.Scalar_mode_out
fmod.Scalar_out remainder.Scalar_out pow.Tensor_Scalar_out bitwise_and.Scalar_out bitwise_or.Scalar_out
bitwise_xor.Scalar_out bitwise_left_shift.Tensor_Scalar_out bitwise_right_shift.Tensor_Scalar_out eq.Scalar_out
ne.Scalar_out lt.Scalar_out le.Scalar_out gt.Scalar_out ge.Scalar_out""".split()


@register(*SCALARED)
def scalared(op):
    def made(tensor, number, **named):
        return case(op, tensor, number, **named) or case(op, tensor, number, outs=[Out.like(tensor)], **named)

    all_modes = modes(op)
    if "Scalar_mode" in op:
        all_modes = [{"rounding_mode": mode} for mode in ("floor", "trunc", None)]
    for named in all_modes:
        if "shift" in op:
            for dtype in ALL:
                for number in (0, 1, 5):
                    yield made(wide(dtype, 2, 3), number)
            yield made(rand(I32, 3), 1.5)
            yield from (made(t, 2) for t in (rand(I32), rand(I32, 0), rand(I64, 2, 0, 3), last(rand(I32, 1, 3, 2, 2))))
            continue
        for dtype in ALL:
            if "::pow" not in op or dtype.is_floating_point:
                yield made(edges(dtype), 2, **named)
            yield made(rand(dtype, 2, 3), 1.5, **named)
            yield made(rand(dtype, 5), True, **named)
            yield made(rand(dtype, 5), 3, **named)
        for dtype in FLOATS if "::pow" in op else (*FLOATS, I32):
            yield made(edges(dtype), -2, **named)
            yield made(edges(dtype), 0, **named)
            for number in (-0.75, 0.0, 0.5, math.inf, -math.inf, math.nan, 3.0):
                yield made(edges(dtype), number, **named)
        for dtype, number in (
            ()
            if "::pow" in op
            else ((I8, 100), (U8, 200), (U8, -1), (I8, 300), (I64, 2**40), (I32, 2**40), (F16, 1e6), (I64, -3))
        ):
            yield made(wide(dtype, 6), number, **named)
        yield from (made(t, 2, **named) for t in shapes())
        yield made(rand(F32, 2, 3), 2.0, static=True, **named)
        for a, b in ((F32, F64), (F32, F16), (F64, F32), (I32, I64), (I32, F32), (F16, F32)):
            yield made(rand(a, 3), 2, dtype=b, **named)
    if op.endswith(("add.Scalar_out", "sub.Scalar_out", "rsub.Scalar_out")):
        for dtype in ALL:
            for alpha in (2, -3, 0.5, True):
                yield made(rand(dtype, 2, 3), 3, alpha=alpha)


def shapes():
    yield rand(F32)
    yield rand(F32, 0)
    yield rand(F32, 2, 0, 3)
    yield rand(F32, 2, 1, 3, 1, 2)
    yield last(rand(F32, 1, 3, 2, 2))
    yield rand(F32, 67)


@register("pow.Scalar_out")
def pow_scalar(op):
    for dtype in ALL:
        yield case(op, 2, rand(dtype, 2, 3))
        yield case(op, 1.5, rand(dtype, 5))
        yield case(op, 3, rand(dtype, 4, low=0))
        yield case(op, True, rand(dtype, 3))
    for dtype in FLOATS:
        for number in (0, 0.0, -1, -2.5, math.inf, math.nan, 1):
            yield case(op, number, edges(dtype))
    yield from (case(op, 2.0, tensor) for tensor in shapes())
    for a, b in ((F32, F64), (I32, F32), (F32, F16)):
        yield case(op, 2, rand(a, 3, low=0), dtype=b)


@register("clamp.out")
def clamp(op):
    limits = [
        (-1, 1),
        (None, 1),
        (-1, None),
        (-0.5, 1.5),
        (2, -2),
        (math.nan, 1),
        (0, math.inf),
        (True, 3),
        (None, 2.5),
    ]
    for dtype in ALL:
        for low, high in ((-1, 2), (None, 1), (0, None)):
            yield case(op, edges(dtype), low, high)
        yield case(op, rand(dtype, 2, 3), -0.5, 1.5)
    for low, high in limits:
        yield case(op, edges(F32), low, high)
        yield case(op, rand(I32, 4), low, high)
    yield from (case(op, t, -1.0, 1.0) for t in shapes())
    yield case(op, rand(U8, 5), -3, 300)
    yield case(op, rand(F32, 3), None, None, outs=out_of(F32, 3))
    for a, b in ((F32, F64), (I32, F32), (F32, F16), (F32, I32)):
        yield case(op, rand(a, 3), 0, 2, dtype=b)


def out_of(dtype, *sizes):
    return [Out(dtype, list(sizes))]


@register("clamp.Tensor_out")
def clamp_tensor(op):
    for dtype in ALL:
        yield case(op, rand(dtype, 2, 3), rand(dtype, 2, 3, low=-2, high=0), rand(dtype, 2, 3, low=0, high=2))
        yield case(op, edges(dtype), rand(dtype, 1), None)
        yield case(op, edges(dtype), None, rand(dtype))
    for a, b, c in ((F32, F64, F16), (I32, F32, I64), (U8, I8, I16), (BOOL, I32, F16), (F16, F16, F32), (I64, I32, U8)):
        yield case(op, rand(a, 2, 3), rand(b, 3), rand(c, 2, 1))
    yield case(op, edges(F32), torch.full((1,), math.nan), torch.ones(1))
    yield case(op, rand(F32, 2, 1, 3), rand(F32, 4, 1), rand(F32))
    yield case(op, rand(F32, 0, 3), rand(F32, 3), None)
    yield case(op, last(rand(F32, 1, 3, 2, 2)), last(rand(F32, 1, 3, 2, 2)), last(rand(F32, 1, 3, 2, 2)))
    yield case(op, rand(F32, 3), None, None, outs=out_of(F32, 3))


@register("where.self_out")
def where(op):
    for dtype in ALL:
        yield case(op, rand(BOOL, 2, 3), rand(dtype, 2, 3), rand(dtype, 2, 3))
        yield case(op, rand(BOOL, 2, 1), edges(dtype)[:3].clone(), rand(dtype))
    for a, b in ((F32, F64), (I32, F32), (U8, I8), (BOOL, I64), (F16, BF16), (I64, F16)):
        yield case(op, rand(BOOL, 4), rand(a, 4), rand(b, 4))
        yield case(op, rand(BOOL, 2, 1), rand(a, 3), rand(b))
    yield case(op, rand(U8, 2, 3, high=1), rand(F32, 2, 3), rand(F32, 2, 3))
    yield case(op, rand(BOOL), rand(F32), rand(F32))
    yield case(op, rand(BOOL, 0), rand(F32, 1), rand(F32, 0))
    yield case(op, last(rand(BOOL, 1, 3, 2, 2)), last(rand(F32, 1, 3, 2, 2)), last(rand(F32, 1, 3, 2, 2)))


@register("masked_fill.Scalar_out")
def masked_fill(op):
    for dtype in ALL:
        yield case(op, rand(dtype, 2, 3), rand(BOOL, 2, 3), 1)
        yield case(op, rand(dtype, 2, 3), rand(BOOL, 3), True)
        yield case(op, rand(dtype, 2, 3), rand(BOOL, 3), 2.5) or case(
            op, rand(dtype, 2, 3), rand(BOOL, 3), 2.5, outs=out_of(dtype, 2, 3)
        )
    for value in (math.inf, -math.inf, math.nan, -0.0, 1e30, 3):
        yield case(op, rand(F32, 2, 3), rand(BOOL, 2, 3), value)
        yield case(op, rand(F16, 3), rand(BOOL, 2, 1), value, outs=out_of(F16, 2, 3))
    yield case(op, rand(F32, 3), rand(BOOL, 2, 3), 1.0, outs=out_of(F32, 2, 3))
    yield case(op, rand(F32), rand(BOOL), 1.0)
    yield case(op, rand(F32, 0, 3), rand(BOOL, 3), 1.0)
    yield case(op, rand(U8, 4), rand(BOOL, 4), 300, outs=out_of(U8, 4))
    yield case(op, last(rand(F32, 1, 3, 2, 2)), last(rand(BOOL, 1, 3, 2, 2)), 1.0)


@register("gelu.out")
def gelu(op):
    for mode in ("none", "tanh"):
        yield from floating(op, approximate=mode)
    yield case(op, rand(F32, 3), approximate="other", outs=out_of(F32, 3))


def floating(op, *args, **named):
    for dtype in FLOATS:
        yield case(op, edges(dtype), *args, **named)
        yield case(op, rand(dtype, 3, 7), *args, **named)
    yield from (case(op, tensor, *args, **named) for tensor in shapes())
    for dtype in (I32, BOOL):
        yield case(op, rand(dtype, 3), *args, outs=out_of(dtype, 3), **named)
    yield case(op, rand(F32, 3), *args, dtype=F64, **named)
    yield case(op, rand(F32, 2, 3), *args, static=True, **named)


@register("elu.out")
def elu(op):
    yield from floating(op)
    for alpha, scale, input_scale in (
        (2, 1, 1),
        (0.5, 1.5, 1),
        (1.0, 2, 0.25),
        (1.6732632, 1.0507009, 1.0),
        (-1, 1, 1),
    ):
        yield case(op, edges(F32), alpha, scale, input_scale)
        yield case(op, rand(F16, 7), alpha, scale, input_scale)


@register("hardtanh.out")
def hardtanh(op):
    yield from floating(op)
    for low, high in ((0, 6), (-2.5, 2.5), (0.0, 1.0), (-math.inf, 0)):
        yield case(op, edges(F32), low, high)
        yield case(op, rand(BF16, 7), low, high)
    for dtype in INTEGERS:
        yield case(op, edges(dtype), -2, 2, outs=out_of(dtype, len(edges(dtype))))


@register("leaky_relu.out")
def leaky_relu(op):
    yield from floating(op)
    for slope in (0.2, 0, 1, -0.5, 2):
        yield case(op, edges(F32), slope)
        yield case(op, rand(F64, 7), slope)


@register("logit.out")
def logit(op):
    for dtype in FLOATS:
        yield case(op, rand(dtype, 9, low=0, high=1))
        yield case(op, rand(dtype, 9, low=0, high=1), 0.2)
        yield case(op, edges(dtype))
        yield case(op, edges(dtype), 1e-6)
    for dtype in INTEGERS + [BOOL]:
        yield case(op, rand(dtype, 4, high=1))
    yield from (case(op, tensor.sigmoid()) for tensor in shapes())
    yield case(op, rand(F32, 5, low=0, high=1), dtype=F64)
    yield case(op, rand(F32, 5, low=0, high=1), 0.1, dtype=F16)


@register("glu.out")
def glu(op):
    for dtype in FLOATS:
        yield case(op, rand(dtype, 2, 6))
        yield case(op, rand(dtype, 4, 3), 0)
        yield case(op, rand(dtype, 2, 4, 3), -2)
    yield case(op, rand(F32, 2))
    yield case(op, rand(F32, 0, 4), 1)
    yield case(op, rand(F32, 1, 4, 2, 2), 1)
    yield case(op, last(rand(F32, 1, 4, 2, 2)), 1)
    yield case(op, rand(F32, 2, 3), 1, outs=out_of(F32, 2, 1))
    yield case(op, rand(F32), 0, outs=out_of(F32))
    yield case(op, rand(I32, 4), 0, outs=out_of(I32, 2))
    for a, b in ((F32, F64), (F32, F16), (F64, F32), (F16, F32)):
        yield case(op, rand(a, 2, 4), dtype=b)
    yield case(op, torch.tensor([1.0, float("nan"), float("inf"), -2.0, 100.0, -100.0, 0.0, float("inf")]), 0)


@register("native_dropout.out")
def native_dropout(op):
    for dtype in FLOATS:
        yield case(op, rand(dtype, 2, 3), 0.5, False)
        yield case(op, rand(dtype, 2, 3), 0.0, True)
        yield case(op, rand(dtype, 2, 3), 0.5, None, random=True)
        yield case(op, rand(dtype, 10, 10), 0.5, True, random=True)
    yield case(op, rand(F32), 0.3, False)
    yield case(op, rand(F32, 0), 0.3, False)
    yield case(op, rand(F32, 3), 1.0, False)
    yield case(op, rand(F32, 3), 1.0, True)
    for p in (1.5, -0.5):
        yield case(op, rand(F32, 3), p, True, outs=[Out(F32, [3]), Out(BOOL, [3])])
    yield case(op, rand(I32, 3), 0.5, False, outs=[Out(I32, [3]), Out(BOOL, [3])])


@register("_conj_physical.out")
def conj(op):
    for dtype in (torch.complex64, torch.complex128, torch.complex32):
        for shape in ((2, 3), (), (0,), (5,), (1, 2, 1, 2)):
            yield case(op, rand(dtype, *shape)) or case(op, rand(dtype, *shape), outs=out_of(dtype, *shape))
    for dtype in (F32, I32):
        yield case(op, rand(dtype, 3))
    yield case(op, rand(torch.complex64, 3), dtype=torch.complex128)
    yield case(op, torch.tensor([complex(math.nan, -0.0), complex(math.inf, math.nan)]))
