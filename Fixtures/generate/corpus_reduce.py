"""Cases of reductions, normalisations and matrix products."""

import math

import torch
from corpus_case import Out
from corpus_make import ALL, BF16, BOOL, F16, F32, F64, FLOATS, I8, I32, I64, REAL, U8
from corpus_make import case, complete, edges, last, natural, rand, register, wide


def special():
    """NaN, infinities and both zeros in a matrix."""
    numbers = [math.nan, 1, -0.0, 0.0, math.inf, -math.inf, 2, math.nan, 3, -1, 5, math.inf]
    return torch.tensor(numbers).reshape(3, 4)


DIMS = [[0], [1], [-1], [0, 1], [-2, 2], [], None]


@register("amax.out", "amin.out", "sum.IntList_out", "mean.out", "any.dims_out")
def over_dims(op):
    mean, total = "mean" in op, "sum" in op
    for dtype in FLOATS if mean else ALL:
        for dims, keep in (([0], False), ([-1], True), ([0, 2], False), ([], False), ([1], False)):
            yield over(op, rand(dtype, 2, 3, 4), dims, keep)
        yield over(op, wide(dtype, 7, 9), [1], False)
    for dims in DIMS:
        for keep in (False, True):
            yield over(op, rand(F32, 2, 3, 4), dims, keep)
    yield over(op, special(), [1], False)
    yield over(op, special(), [0], True)
    yield over(op, special(), [0, 1], False)
    yield over(op, rand(F32), [], False)
    yield over(op, rand(F32), [0], True)
    yield over(op, rand(F32), [-1], False)
    yield over(op, rand(F32, 0, 3), [0], False)
    yield over(op, rand(F32, 0, 3), [1], False)
    yield over(op, rand(F32, 2, 0, 3), [1], True)
    yield over(op, rand(F32, 2000), [0], False)
    yield over(op, rand(F16, 2000), [0], False)
    yield over(op, rand(BF16, 1500), [0], False)
    yield over(op, rand(F32, 3, 600), [-1], False)
    yield over(op, rand(F32, 600, 3), [0], False)
    yield over(op, rand(F64, 3, 600), [1], False)
    yield over(op, last(rand(F32, 1, 3, 2, 2)), [2, 3], True)
    yield over(op, last(rand(F32, 1, 3, 2, 2)), [1], False)
    if mean or total:
        for a, b in (
            (F32, F64),
            (I32, F32),
            (I64, F64),
            (BOOL, F32),
            (F16, F32),
            (U8, I64),
            (I8, I32),
            (F64, BF16),
            (BOOL, I64),
            (F32, F16),
        ):
            yield over(op, rand(a, 3, 5), [1], False, dtype=b)
            yield over(op, rand(a, 3, 5), [0, 1], False, dtype=b)


def over(op, tensor, dims, keep, **named):
    """A reduction; `dtype` is an argument of the operator here, not the output's."""
    if "dtype" not in named:
        return case(op, tensor, dims, keep)
    args = complete(op, [tensor, dims, keep], named)
    outs = natural(op, args)
    return case(op, *args, outs=outs) if outs else None


@register("mean.dtype_out")
def mean_all(op):
    for dtype in ALL:
        for named in (None, F32, F64):
            yield case(op, rand(dtype, 2, 3), named, outs=[Out(named or dtype, [])])
    for shape in ((), (0,), (2000,), (2, 3, 4)):
        yield case(op, rand(F32, *shape), None)
        yield case(op, rand(F16, *shape), None)
    yield case(op, special(), None)
    yield case(op, rand(F32, 3), F16, outs=[Out(F16, [])])
    yield case(op, rand(F32, 3), F64, outs=[Out(F32, [])])


@register("any.all_out")
def any_all(op):
    for dtype in ALL:
        yield case(op, rand(dtype, 2, 3))
        yield case(op, torch.zeros(2, 3).to(dtype))
        yield case(op, torch.zeros(2, 3).to(dtype), dtype=U8)
    for shape in ((), (0,), (2, 0), (70,)):
        yield case(op, rand(F32, *shape))
    yield case(op, torch.tensor([0.0, -0.0]))
    yield case(op, torch.tensor([0.0, math.nan]))


@register("any.out")
def any_dim(op):
    for dtype in ALL:
        for dim, keep in ((0, False), (-1, True), (1, False)):
            yield case(op, (rand(dtype, 3, 2, 2) * 0 if dim else rand(dtype, 3, 2)).to(dtype), dim, keep)
            yield case(op, rand(BOOL, 4, 3).to(dtype), dim, keep)
    yield case(op, rand(BOOL, 4, 3), 0, False, dtype=U8)
    for shape in ((), (0,), (2, 0), (0, 2)):
        yield case(op, rand(F32, *shape), 0, False)
        yield case(op, rand(F32, *shape), -1, True)
    yield case(op, special(), 1)


@register("argmax.out", "argmin.out")
def argument(op):
    for dtype in ALL:
        for dim, keep in ((None, False), (0, False), (-1, True), (1, False)):
            yield case(op, rand(dtype, 3, 4), dim, keep, outs=None) or case(
                op, rand(dtype, 3, 4), dim, keep, outs=[Out(I64, [])]
            )
        yield case(op, edges(dtype), None) or case(op, edges(dtype), outs=[Out(I64, [])])
    yield case(op, special(), 0)
    yield case(op, special(), 1)
    yield case(op, special(), None)
    yield case(op, special(), None, True)
    yield case(op, rand(F32), 0)
    yield case(op, rand(F32), None)
    yield case(op, rand(F32, 2, 0), 1, outs=[Out(I64, [2])])
    yield case(op, rand(F32, 0, 2), 1)
    yield case(op, rand(F32, 0), None, outs=[Out(I64, [])])
    yield case(op, rand(F32, 2, 3, 4), 1, True)
    yield case(op, rand(I32, 500, low=-50, high=50), None)
    yield case(op, last(rand(F32, 1, 3, 2, 2)), 1)


@register("max.dim_max", "min.dim_min")
def extreme(op):
    for dtype in ALL:
        for dim, keep in ((0, False), (-1, True), (1, False)):
            yield case(op, rand(dtype, 3, 4), dim, keep)
        yield case(op, edges(dtype), 0)
    yield case(op, special(), 0)
    yield case(op, special(), 1, True)
    yield case(op, rand(F32), 0)
    yield case(op, rand(F32), -1, True)
    yield case(op, rand(F32, 0, 2), 1)
    yield case(op, rand(F32, 2, 0), 1, outs=[Out(F32, [2]), Out(I64, [2])])
    yield case(op, rand(F32, 2, 3, 4), 1)
    yield case(op, last(rand(F32, 1, 3, 2, 2)), 1)


@register("max.unary_out", "min.unary_out")
def extreme_all(op):
    for dtype in ALL:
        yield case(op, rand(dtype, 3, 4))
        yield case(op, wide(dtype, 30))
        yield case(op, edges(dtype)[:8].clone())
    yield case(op, special())
    yield case(op, torch.tensor([1.0, math.nan, 3.0]))
    yield case(op, torch.tensor([-0.0, 0.0]))
    yield case(op, rand(F32))
    yield case(op, rand(F32, 0), outs=[Out(F32, [])])
    yield case(op, rand(I32, 0), outs=[Out(I32, [])])
    for a, b in ((F32, F64), (I32, F32), (I64, I32), (F32, I32)):
        yield case(op, rand(a, 3), dtype=b)


@register("prod.out")
def prod_all(op):
    for dtype in ALL:
        for to in (None, F32, I64):
            yield (
                case(op, rand(dtype, 2, 3, low=1, high=3), dtype=None, outs=[Out(to or _wider(dtype), [])])
                if to is None
                else (prod_to(op, rand(dtype, 2, 3, low=1, high=3), to))
            )
    for shape in ((), (0,), (2, 0), (40,)):
        yield case(op, rand(F32, *shape, low=0.9, high=1.2))
    yield case(op, special())
    yield prod_to(op, rand(F32, 4), F64)


def prod_to(op, tensor, to, *rest):
    args = complete(op, [tensor, *rest], {"dtype": to})
    outs = natural(op, args)
    return case(op, *args, outs=outs) if outs else None


def _wider(dtype):
    return dtype if dtype.is_floating_point else I64


@register("prod.int_out")
def prod_dim(op):
    for dtype in ALL:
        for dim, keep in ((0, False), (-1, True)):
            yield case(op, rand(dtype, 3, 4, low=1, high=3), dim, keep)
        yield prod_to(op, rand(dtype, 3, 4, low=1, high=3), F32, 1, False)
    yield case(op, special(), 1)
    for shape in ((), (0,), (0, 2)):
        yield case(op, rand(F32, *shape), 0)
    yield case(op, rand(F32, 2, 0), 1)
    yield case(op, rand(F32, 2, 3, 4), 1, True)
    yield case(op, rand(F32, 300, low=0.98, high=1.03), 0)


@register("cumsum.out")
def cumsum(op):
    for dtype in ALL:
        for dim in (0, -1):
            yield case(op, rand(dtype, 3, 4), dim)
        for to in (F32, I64, F16):
            args = complete(op, [rand(dtype, 5), 0], {"dtype": to})
            yield case(op, *args, outs=natural(op, args))
    yield case(op, special(), 1)
    yield case(op, rand(F32), 0)
    yield case(op, rand(F32, 0), 0)
    yield case(op, rand(F32, 2, 0), 1)
    yield case(op, rand(F32, 2, 3, 4), 1)
    yield case(op, rand(F32, 1000), 0)
    yield case(op, rand(F16, 500), 0)
    yield case(op, rand(BF16, 500), 0)
    yield case(op, rand(F32, 3), 0, dtype=F64)


@register("var.out", "var.correction_out", "var_mean.correction_out")
def variance(op):
    def made(tensor, dims, number, keep=False, **more):
        if op.endswith("var.out"):
            if dims is None:
                dims = []
            return case(op, tensor, dims, bool(number), keep, **more)
        return case(op, tensor, dims, correction=number, keepdim=keep, **more)

    for dtype in FLOATS:
        for dims, number, keep in (
            ([0], 1, False),
            ([-1], 0, True),
            ([0, 1], 1, False),
            ([1], 1, False),
            (None, 0, False),
        ):
            yield made(rand(dtype, 3, 4, 5), dims, number, keep)
        yield made(rand(dtype, 300, low=90, high=100), [0], 1)
    yield made(special(), [1], 1)
    for dims in DIMS:
        yield made(rand(F32, 2, 3, 4), dims, 1, True)
    yield made(rand(F32), [], 1)
    yield made(rand(F32), [0], 0)
    yield made(rand(F32, 1), [0], 1)
    yield made(rand(F32, 0, 2), [0], 1)
    yield made(rand(F32, 0, 2), [1], 1)
    yield made(rand(I32, 4), [0], 1, outs=[Out(F32, [])] * (2 if "mean" in op else 1))
    yield made(rand(F32, 6), [0], 1, dtype=F64)
    yield made(rand(F16, 6), [0], 1, dtype=F32)
    if not op.endswith("var.out"):
        for number in (2, 0.5, None, 7, -1, 1.5):
            yield made(rand(F32, 3, 5), [1], number)


@register("_softmax.out", "_log_softmax.out")
def softmax(op):
    for dtype in FLOATS:
        for dim in (0, 1, -1):
            yield case(op, rand(dtype, 3, 4, 2), dim, False)
        yield case(op, wide(dtype, 3, 5), 1, False)
        yield case(op, rand(dtype, 200, low=-9, high=9), 0, False)
    yield case(op, special(), 1, False)
    yield case(op, torch.tensor([[1e30, -1e30, 0], [-math.inf, 0, 1], [-math.inf] * 3]), 1, False)
    yield case(op, rand(F32), 0, False)
    yield case(op, rand(F32), -1, False)
    yield case(op, rand(F32, 0, 3), 1, False)
    yield case(op, rand(F32, 2, 0), 1, False)
    yield case(op, rand(F16, 3), 0, True, outs=[Out(F32, [3])])
    yield case(op, rand(I32, 3), 0, False, outs=[Out(I32, [3])])
    yield case(op, rand(F32, 3), 0, False, dtype=F64)
    yield case(op, last(rand(F32, 1, 3, 2, 2)), 1, False)
    yield case(op, last(rand(F32, 1, 3, 2, 2)), -1, False)
    yield case(op, rand(F32, 4, 500), -1, False)
    yield case(op, rand(F32, 500, 3), 0, False)
    yield case(op, rand(F32, 2, 67), 1, False)


@register("native_layer_norm.out")
def layer_norm(op):
    for dtype in FLOATS:
        for shape, inner in (((2, 3), [3]), ((2, 3, 4), [3, 4]), ((4,), [4]), ((2, 3, 4), [4])):
            for weight, bias, eps in ((1, 1, 1e-5), (0, 0, 1e-3), (1, 0, 1e-5), (0, 1, 1e-5)):
                weights = [rand(dtype, *inner) if there else None for there in (weight, bias)]
                yield case(op, rand(dtype, *shape), inner, *weights, eps, dtype=dtype)
    yield case(op, rand(F32, 3, 400), [400], rand(F32, 400), rand(F32, 400), 1e-5)
    yield case(op, special(), [4], None, None, 1e-5)
    yield case(op, torch.full((2, 3), 5.0), [3], None, None, 0.0)
    yield case(op, rand(F32, 0, 3), [3], rand(F32, 3), rand(F32, 3), 1e-5)
    yield case(op, rand(F32, 2, 0), [0], None, None, 1e-5)
    yield case(op, rand(F32, 2, 3), [4], None, None, 1e-5, outs=[Out(F32, [2, 3]), Out(F32, [2, 1]), Out(F32, [2, 1])])
    yield case(
        op, rand(F32, 2, 3), [3], rand(F32, 2), None, 1e-5, outs=[Out(F32, [2, 3]), Out(F32, [2, 1]), Out(F32, [2, 1])]
    )


@register("native_group_norm.out")
def group_norm(op):
    for dtype in FLOATS:
        for shape, groups in (((2, 4, 3), 2), ((1, 6, 2, 2), 3), ((2, 4), 4), ((2, 4, 2), 1)):
            n, c, rest = shape[0], shape[1], math.prod(shape[2:])
            yield case(op, rand(dtype, *shape), rand(dtype, c), rand(dtype, c), n, c, rest, groups, 1e-5)
            yield case(op, rand(dtype, *shape), None, None, n, c, rest, groups, 1e-3)
            yield case(op, rand(dtype, *shape), rand(dtype, c), None, n, c, rest, groups, 1e-5)
    yield case(op, last(rand(F32, 1, 4, 2, 2)), rand(F32, 4), rand(F32, 4), 1, 4, 4, 2, 1e-5)
    yield case(op, rand(F32, 1, 2, 300), None, None, 1, 2, 300, 2, 1e-5)
    yield case(op, rand(F32, 0, 4, 3), rand(F32, 4), rand(F32, 4), 0, 4, 3, 2, 1e-5)
    yield case(op, rand(F32, 2, 4, 0), rand(F32, 4), rand(F32, 4), 2, 4, 0, 2, 1e-5)
    outs = [Out(F32, [2, 4, 3]), Out(F32, [2, 2]), Out(F32, [2, 2])]
    for n, c, rest, groups in ((2, 4, 3, 3), (2, 3, 4, 2), (1, 4, 3, 2), (2, 4, 3, 0)):
        yield case(op, rand(F32, 2, 4, 3), None, None, n, c, rest, groups, 1e-5, outs=outs)


BATCH_NORMS = [
    "_native_batch_norm_legit.no_stats_out",
    "_native_batch_norm_legit.out",
    "_native_batch_norm_legit_no_training.out",
]


@register(*BATCH_NORMS)
def batch_norm(op):
    def made(tensor, weight, bias, mean, var, *rest):
        channels = tensor.shape[1]
        args = [tensor, weight, bias]
        if "no_stats" not in op:
            args += [mean, var]
        if "no_training" not in op:
            args.append(rest[0] if rest else "no_stats" in op)
        args += [0.1, rest[1] if len(rest) > 1 else 1e-5]
        stats = 0 if "no_training" in op or (rest and not rest[0]) else channels
        dtype = tensor.dtype
        outs = [Out.like(tensor), Out(dtype, [stats]), Out(dtype, [stats])]
        return case(op, *args, outs=outs)

    for dtype in FLOATS:
        for shape in ((2, 3, 4), (2, 3), (1, 3, 2, 2), (2, 3, 1, 2, 2)):
            c = shape[1]
            for weight, bias in ((1, 1), (0, 0), (1, 0), (0, 1)):
                yield made(
                    rand(dtype, *shape),
                    rand(dtype, c) if weight else None,
                    rand(dtype, c) if bias else None,
                    rand(dtype, c),
                    rand(dtype, c, low=0.5, high=2),
                )
    x = rand(F32, 2, 3, 2, 2)
    yield made(last(x), rand(F32, 3), rand(F32, 3), rand(F32, 3), rand(F32, 3, low=0.5, high=2))
    yield made(rand(F32, 0, 3, 2), rand(F32, 3), rand(F32, 3), rand(F32, 3), rand(F32, 3, low=0.5, high=2))
    yield made(rand(F32, 2, 3, 0), None, None, rand(F32, 3), rand(F32, 3, low=0.5, high=2))
    yield made(rand(F32, 4, 1, 200), None, None, rand(F32, 1), rand(F32, 1, low=0.5, high=2))
    yield made(x, rand(F32, 2), None, rand(F32, 3), rand(F32, 3, low=0.5, high=2))
    yield made(x, rand(F32, 3), None, rand(F32, 2), rand(F32, 3, low=0.5, high=2))
    yield made(x, rand(F64, 3), None, rand(F32, 3), rand(F32, 3, low=0.5, high=2))
    if "no_training" not in op:
        for training in (True, False):
            yield made(x, rand(F32, 3), rand(F32, 3), rand(F32, 3), rand(F32, 3, low=0.5, high=2), training)
            yield made(x, None, None, rand(F32, 3), rand(F32, 3, low=0.5, high=2), training, 1e-2)


@register("_cdist_forward.out")
def cdist(op):
    for dtype in FLOATS:
        for p in (0.0, 1.0, 2.0, math.inf, 3.0, 0.5):
            out = None if dtype in (F32, F64) else [Out(dtype, [3, 2])]
            yield case(op, rand(dtype, 3, 4), rand(dtype, 2, 4), p, None, outs=out)
    for mode in (0, 1, 2):
        yield case(op, rand(F32, 3, 4), rand(F32, 2, 4), 2.0, mode)
    yield case(op, rand(F32, 2, 3, 4), rand(F32, 2, 2, 4), 1.0, None)
    yield case(op, rand(F32, 2, 1, 3, 4), rand(F32, 3, 2, 4), 2.0, None)
    yield case(op, rand(F32, 0, 4), rand(F32, 2, 4), 2.0, None)
    yield case(op, rand(F32, 3, 0), rand(F32, 2, 0), 2.0, None)
    yield case(op, special(), rand(F32, 2, 4), 2.0, None)
    yield case(op, special(), rand(F32, 2, 4), math.inf, None)
    yield case(op, rand(F32, 2, 300), rand(F32, 2, 300), 2.0, None)
    for a, b, p in ((4, 5, 2.0), (4, 4, -1.0)):
        yield case(op, rand(F32, 3, a), rand(F32, 2, b), p, None, outs=[Out(F32, [3, 2])])


@register("_pdist_forward.out")
def pdist(op):
    for dtype in FLOATS:
        for p in (0.0, 1.0, 2.0, math.inf, 3.0, 0.5):
            yield case(op, rand(dtype, 4, 3), p, outs=[Out(dtype, [6])])
    for shape in ((1, 3), (0, 3), (3, 0), (2, 200)):
        yield case(op, rand(F32, *shape), 2.0)
    yield case(op, special(), 2.0)
    yield case(op, special(), math.inf)
    yield case(op, rand(F32, 3), 2.0, outs=[Out(F32, [3])])
    yield case(op, rand(F32, 3, 2), -1.0, outs=[Out(F32, [3])])
    yield case(op, rand(I32, 3, 2), 2.0, outs=[Out(I32, [3])])


@register("topk.values")
def topk(op):
    for dtype in REAL:
        for k, dim, largest, ordered in (
            (2, -1, True, True),
            (1, 0, False, True),
            (3, 1, False, True),
            (2, 0, True, False),
        ):
            distinct = torch.randperm(12)[:12].reshape(3, 4).to(dtype)
            yield case(op, distinct, k, dim, largest, ordered)
    yield case(op, rand(F32), 1, 0, outs=[Out(F32, []), Out(I64, [])])
    yield case(op, rand(F32), 1, -1)
    yield case(op, rand(F32, 4), 0)
    yield case(op, rand(F32, 4), 4)
    yield case(op, torch.randn(200), 9)
    yield case(op, torch.randn(3, 60, 2), 5, 1)
    yield case(op, torch.tensor([1.0, math.nan, 3.0, math.inf, -math.inf]), 3)
    yield case(op, torch.tensor([1.0, math.nan, 3.0, math.inf, -math.inf]), 3, -1, False)
    yield case(op, torch.randn(0, 3), 2, 1)
    for k, dim in ((5, 0), (-1, 0)):
        yield case(op, rand(F32, 4), k, dim, outs=[Out(F32, [max(k, 0)]), Out(I64, [max(k, 0)])])
    yield case(op, rand(BOOL, 4), 2, 0, outs=[Out(BOOL, [2]), Out(I64, [2])])
    yield case(op, torch.tensor([2.0, 1.0, 2.0, 1.0, 2.0]), 2)
    yield case(op, torch.tensor([2, 2, 2, 2, 1, 1]), 5)


@register("nonzero.out")
def nonzero(op):
    for dtype in ALL:
        for shape in ((5,), (3, 4), (2, 3, 2)):
            tensor = (rand(dtype, *shape) * (rand(BOOL, *shape))).to(dtype)
            yield case(op, tensor, outs=[Out(I64, [tensor.numel(), len(shape)])])
            yield case(op, tensor)
    yield case(op, torch.tensor(3.0))
    yield case(op, torch.tensor(0.0))
    yield case(op, torch.zeros(2, 3))
    yield case(op, torch.zeros(0, 3))
    yield case(op, torch.tensor([-0.0, math.nan, math.inf]))
    yield case(op, last(rand(BOOL, 1, 2, 2, 2)))
    yield case(op, rand(BOOL, 4), dtype=I32)


MATRICES = [(2, 3, 4), (1, 1, 1), (1, 5, 3), (4, 1, 2), (0, 3, 4), (2, 0, 4), (2, 3, 0), (7, 9, 5)]


@register("mm.out", "bmm.out", "addmm.out")
def matrices(op):
    def made(a, b, dtype=F32, batch=2, **named):
        if "addmm" in op:
            return case(op, rand(dtype, b[-1]), rand(dtype, *a), rand(dtype, *b), **named)
        if "bmm" in op:
            return case(op, rand(dtype, batch, *a), rand(dtype, batch, *b), **named)
        return case(op, rand(dtype, *a), rand(dtype, *b), **named)

    for dtype in REAL:
        for m, k, n in MATRICES[:4]:
            yield made((m, k), (k, n), dtype)
        yield made((3, 200), (200, 2), dtype)
    for m, k, n in MATRICES:
        yield made((m, k), (k, n))
    yield made((5, 700), (700, 3))
    yield made((33, 17), (17, 19))
    yield made((2, 3), (3, 4), BOOL)
    yield made((2, 3), (3, 4), static=True)
    yield made((2, 3), (3, 4), batch=0) if "bmm" in op else None
    yield made((2, 3), (3, 4), batch=1) if "bmm" in op else None
    lead = [2] if "::bmm" in op else []
    yield made((2, 3), (4, 4), outs=[Out(F32, [*lead, 2, 4])])
    if "addmm" in op:
        for dtype in (F32, F64, I32, F16, BF16):
            for beta, alpha in ((2, 3), (0.5, -1.5), (0, 1), (1, 0), (0, 0), (1.0, 1.0), (True, 2)):
                yield case(op, rand(dtype, 4), rand(dtype, 2, 3), rand(dtype, 3, 4), beta=beta, alpha=alpha)
        for shape in ((2, 4), (1, 4), (2, 1), (1,), (), (1, 1)):
            yield case(op, rand(F32, *shape), rand(F32, 2, 3), rand(F32, 3, 4), beta=2, alpha=0.5)
        yield case(op, torch.full((4,), math.nan), rand(F32, 2, 3), rand(F32, 3, 4), beta=0)
        yield case(op, rand(F32, 3), rand(F32, 2, 3), rand(F32, 3, 4), outs=[Out(F32, [2, 4])])
        yield case(op, rand(F32, 4), rand(F32, 2, 0), rand(F32, 0, 4), beta=2)
    else:
        x = special()
        yield case(op, *([x[None].clone(), x.T[None].clone()] if "bmm" in op else [x, x.T.contiguous()]))


@register("linear.out")
def linear(op):
    for dtype in REAL:
        for shape in ((2, 3), (3,), (2, 2, 3), (1, 3)):
            yield case(op, rand(dtype, *shape), rand(dtype, 4, 3), None)
            yield case(op, rand(dtype, *shape), rand(dtype, 4, 3), rand(dtype, 4))
        yield case(op, rand(dtype, 2, 200), rand(dtype, 3, 200), rand(dtype, 3))
    yield case(op, rand(F32, 0, 3), rand(F32, 4, 3), rand(F32, 4))
    yield case(op, rand(F32, 2, 0), rand(F32, 4, 0), None)
    yield case(op, rand(F32, 2, 0), rand(F32, 4, 0), rand(F32, 4))
    yield case(op, rand(F32, 2, 3), rand(F32, 0, 3), None)
    yield case(op, rand(F32, 33, 17), rand(F32, 19, 17), rand(F32, 19))
    yield case(op, special(), rand(F32, 2, 4), rand(F32, 2))
    yield case(op, rand(F32, 2, 3), rand(F32, 4, 3), rand(F32, 1), outs=[Out(F32, [2, 4])])
    yield case(op, rand(F32, 2, 3), rand(F32, 4, 2), None, outs=[Out(F32, [2, 4])])
    yield case(op, rand(F32, 2, 3), rand(F64, 4, 3), None, outs=[Out(F32, [2, 4])])
