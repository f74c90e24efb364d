"""Cases of convolutions, pools, resizing, padding, transforms and embeddings."""

import math

import torch
from corpus_case import Out
from corpus_make import ALL, BF16, F16, F32, F64, FLOATS, I32, I64, U8
from corpus_make import case, last, rand, register

CONVOLUTIONS = [  # input, weight, stride, padding, dilation, transposed, output padding, groups
    ((1, 2, 5, 5), (3, 2, 3, 3), [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    ((2, 2, 5, 4), (4, 2, 3, 2), [2, 1], [1, 0], [1, 1], False, [0, 0], 1),
    ((1, 4, 5, 5), (4, 1, 3, 3), [1, 1], [1, 1], [1, 1], False, [0, 0], 4),
    ((1, 4, 4, 4), (6, 2, 2, 2), [2, 2], [0, 0], [1, 1], False, [0, 0], 2),
    ((1, 2, 7, 7), (2, 2, 3, 3), [1, 1], [2, 2], [2, 2], False, [0, 0], 1),
    ((1, 3, 4, 4), (5, 3, 1, 1), [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    ((2, 3, 8), (4, 3, 3), [1], [0], [1], False, [0], 1),
    ((1, 2, 9), (2, 1, 3), [2], [1], [2], False, [0], 2),
    ((1, 2, 9), (2, 2, 2), [3], [0], [1], False, [0], 1),
    ((1, 2, 5, 5), (3, 2, 3, 3), [2], [1], [1], False, [0], 1),
    ((1, 2, 3, 3), (2, 3, 3, 3), [1, 1], [0, 0], [1, 1], True, [0, 0], 1),
    ((2, 2, 3, 3), (2, 3, 3, 2), [2, 2], [1, 0], [1, 1], True, [1, 0], 1),
    ((1, 4, 3, 3), (4, 1, 2, 2), [2, 2], [0, 0], [1, 1], True, [0, 0], 4),
    ((1, 2, 3, 3), (2, 2, 3, 3), [2, 2], [1, 1], [2, 2], True, [1, 1], 1),
    ((1, 2, 4), (2, 3, 3), [2], [1], [1], True, [1], 1),
    ((1, 4, 3), (4, 2, 2), [1], [0], [1], True, [0], 2),
    ((1, 16, 6, 6), (3, 16, 3, 3), [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
    ((0, 2, 5, 5), (3, 2, 3, 3), [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    ((2, 5, 5), (3, 2, 3, 3), [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
]  # fmt: skip


@register("convolution.out")
def convolution(op):
    for x, w, *rest in CONVOLUTIONS:
        channels = w[1] * rest[5] if rest[3] else w[0]
        for bias in (True, False):
            yield case(op, rand(F32, *x), rand(F32, *w), rand(F32, channels) if bias else None, *rest)
        for dtype in (F64, F16, BF16) if x[0] == 1 else ():
            yield case(op, rand(dtype, *x), rand(dtype, *w), rand(dtype, channels), *rest)
        if len(x) == 4 and not rest[3]:
            yield case(op, last(rand(F32, *x)), last(rand(F32, *w)), rand(F32, channels), *rest)
            yield case(op, last(rand(F32, *x)), rand(F32, *w), rand(F32, channels), *rest, order=[0, 2, 3, 1])
    rest = CONVOLUTIONS[0][2:]
    outs = [Out(F32, [1, 3, 3, 3])]
    x, w = rand(F32, 1, 2, 5, 5), rand(F32, 3, 2, 3, 3)
    yield case(op, rand(I32, 1, 2, 5, 5), rand(I32, 3, 2, 3, 3), None, *rest, outs=[Out(I32, [1, 3, 3, 3])])
    yield case(op, x, w, rand(F32, 2), *rest, outs=outs)
    yield case(op, x, w, rand(F64, 3), *rest, outs=outs)
    yield case(op, rand(F16, 1, 2, 5, 5), rand(F16, 3, 2, 3, 3), rand(F32, 3), *rest, outs=[Out(F16, [1, 3, 3, 3])])
    yield case(op, x, rand(F32, 3, 1, 3, 3), None, *rest, outs=outs)
    yield case(op, x, w, None, [0, 1], *rest[1:], outs=outs)
    yield case(op, x, w, None, [1, 1], [-1, 0], *rest[2:], outs=outs)
    yield case(op, x, w, None, [1, 1], [0, 0], [0, 1], *rest[3:], outs=outs)
    yield case(op, x, w, None, [1, 1, 1], *rest[1:], outs=outs)
    yield case(op, x, w, None, *rest[:5], 2, outs=outs)
    yield case(op, x, w, None, *rest[:5], 0, outs=outs)
    yield case(op, x, rand(F32, 3, 2, 6, 6), None, *rest, outs=outs)
    yield case(
        op, rand(F32, 1, 2, 3, 3, 3), rand(F32, 2, 2, 2, 2, 2), None, [1] * 3, [0] * 3, [1] * 3, False, [0] * 3, 1
    )


@register("convolution_backward.out")
def convolution_backward(op):
    for x, w, *rest in CONVOLUTIONS:
        if rest[3] and len(x) == 4 or x[0] == 0 or len(x) != len(w) or len(rest[0]) != len(x) - 2:
            if not rest[3]:
                continue
        for dtype in (F32, F64, F16, BF16):
            image, weight = rand(dtype, *x), rand(dtype, *w)
            try:
                shape = torch.ops.aten.convolution.default(image.float(), weight.float(), None, *rest).shape
            except RuntimeError:
                continue
            channels = shape[1]
            masks = [[True, True, True]]
            if dtype == F32:
                masks += [[True, False, False], [False, True, False], [False, False, True], [True, True, False]]
            for mask in masks:
                outs = [Out(dtype, list(x)) if mask[0] else Out(U8, [0]), Out(dtype, list(w)) if mask[1] else Out(U8,
                [0]),
                        Out(dtype, [channels]) if mask[2] else Out(U8, [0])]  # fmt: skip
                if not all(mask):
                    outs = [Out(dtype, o.sizes) if o.dtype == dtype else Out(dtype, [0]) for o in outs]
                yield case(
                    op, rand(dtype, *shape), image, weight, [channels] if mask[2] else None, *rest, mask, outs=outs
                )
    x, w, *rest = CONVOLUTIONS[0]
    outs = [Out(F32, list(x)), Out(F32, list(w)), Out(F32, [3])]
    for grad, image, weight in (((1, 3, 2, 2), x, w), ((1, 2, 3, 3), x, w), ((1, 3, 3, 3), x, (3, 1, 3, 3))):
        yield case(op, rand(F32, *grad), rand(F32, *image), rand(F32, *weight), [3], *rest, [True] * 3, outs=outs)
    yield case(op, rand(I32, 1, 3, 3, 3), rand(I32, *x), rand(I32, *w), [3], *rest, [True] * 3,
               outs=[Out(I32, o.sizes) for o in outs])  # fmt: skip


POOLS = [((1, 2, 5, 5), [2, 2], [2, 2], [0, 0], False), ((1, 2, 5, 6), [3, 2], [1, 2], [1, 1], False),
((2, 1, 5, 5), [2, 2], [2, 2], [0, 0], True),
         ((2, 5, 5), [3, 3], [2, 2], [1, 1], True), ((1, 1, 4, 4), [4, 4], [], [0, 0], False),
         ((1, 2, 5, 5), [2], [2], [0], False),
         ((1, 2, 6, 6), [3, 3], [], [1, 1], True), ((0, 2, 4, 4), [2, 2], [2, 2], [0, 0], False),
         ((1, 1, 20, 20), [15, 15], [3, 3], [2, 2], False)]  # fmt: skip


@register("avg_pool2d.out")
def average(op):
    for x, kernel, stride, pad, ceil in POOLS:
        for dtype in FLOATS:
            yield case(op, rand(dtype, *x), kernel, stride, pad, ceil)
        yield case(op, rand(F32, *x), kernel, stride, pad, ceil, False)
        yield case(op, rand(F32, *x), kernel, stride, pad, ceil, True, 3)
        yield case(op, rand(F32, *x), kernel, stride, pad, ceil, False, -2)
        if len(x) == 4:
            yield case(op, last(rand(F32, *x)), kernel, stride, pad, ceil)
    yield case(op, rand(I64, 1, 2, 4, 4), [2, 2], outs=[Out(I64, [1, 2, 2, 2])])
    yield case(op, rand(I32, 1, 2, 4, 4), [2, 2], outs=[Out(I32, [1, 2, 2, 2])])
    outs = [Out(F32, [1, 1, 2, 2])]
    for kernel, stride, pad in (
        ([0, 2], [2, 2], [0, 0]),
        ([2, 2], [0, 2], [0, 0]),
        ([2, 2], [2, 2], [2, 2]),
        ([9, 9], [1, 1], [0, 0]),
        ([2, 2, 2], [1], [0]),
    ):
        yield case(op, rand(F32, 1, 1, 4, 4), kernel, stride, pad, outs=outs)
    yield case(op, rand(F32, 1, 1, 4, 4), [2, 2], divisor_override=0, outs=outs)
    yield case(op, rand(F32, 4, 4), [2, 2], outs=[Out(F32, [2, 2])])


@register("max_pool2d_with_indices.out")
def maximum(op):
    for x, kernel, stride, pad, ceil in POOLS:
        for dtype in (*FLOATS, I32, U8):
            yield case(op, rand(dtype, *x), kernel, stride, pad, [1, 1], ceil)
        if len(x) == 4:
            yield case(op, last(rand(F32, *x)), kernel, stride, pad, [1, 1], ceil)
    yield case(op, rand(F32, 1, 2, 7, 7), [2, 2], [1, 1], [0, 0], [2, 2], False)
    yield case(op, rand(F32, 1, 2, 7, 7), [2, 3], [2, 1], [1, 1], [3, 2], True)
    x = rand(F32, 1, 1, 4, 4)
    x[0, 0, 1, 1], x[0, 0, 3, 0] = math.nan, math.inf
    yield case(op, x, [2, 2], [1, 1])
    yield case(op, torch.full((1, 1, 3, 3), -math.inf), [2, 2], [1, 1])
    outs = [Out(F32, [1, 1, 2, 2]), Out(I64, [1, 1, 2, 2])]
    for kernel, stride, pad in (
        ([0, 2], [2, 2], [0, 0]),
        ([2, 2], [0, 2], [0, 0]),
        ([2, 2], [2, 2], [2, 2]),
        ([9, 9], [1, 1], [0, 0]),
    ):
        yield case(op, rand(F32, 1, 1, 4, 4), kernel, stride, pad, outs=outs)
    yield case(op, rand(F32, 1, 1, 4, 4), [2, 2], outs=[outs[0], Out(I32, [1, 1, 2, 2])])


@register("max_pool2d_with_indices_backward.grad_input")
def maximum_backward(op):
    for x, kernel, stride, pad, ceil in POOLS:
        for dtype in FLOATS:
            for dilation in ([1, 1], [2, 1]):
                image = rand(dtype, *x)
                try:
                    values, indices = torch.ops.aten.max_pool2d_with_indices.default(
                        image.float(), kernel, stride, pad, dilation, ceil
                    )
                except RuntimeError:
                    continue
                yield case(
                    op,
                    rand(dtype, *values.shape),
                    image,
                    kernel,
                    stride,
                    pad,
                    dilation,
                    ceil,
                    indices.clone(),
                    outs=[Out(dtype, list(x))],
                )
    image = rand(F32, 1, 1, 4, 4)
    values, indices = torch.ops.aten.max_pool2d_with_indices.default(image, [2, 2], [2, 2])
    for grad, places in (
        (rand(F32, 1, 1, 2, 3), indices),
        (rand(F64, 1, 1, 2, 2), indices),
        (values, indices.int()),
        (values, indices[..., :1].clone()),
    ):
        yield case(op, grad, image, [2, 2], [2, 2], [0, 0], [1, 1], False, places, outs=[Out(F32, [1, 1, 4, 4])])


@register("_adaptive_avg_pool2d.out")
def adaptive(op):
    for dtype in FLOATS:
        for x, size in (
            ((1, 2, 5, 5), [2, 3]),
            ((2, 4, 6), [1, 1]),
            ((1, 1, 3, 3), [5, 4]),
            ((1, 2, 4, 4), [4, 4]),
            ((0, 2, 4, 4), [2, 2]),
        ):
            yield case(op, rand(dtype, *x), size)
    yield case(op, rand(F32, 1, 2, 5, 5), [0, 3])
    yield case(op, rand(F32, 1, 1, 30, 30), [1, 1])
    yield case(op, last(rand(F32, 1, 2, 5, 5)), [2, 2])
    yield case(op, rand(I64, 1, 2, 4, 4), [2, 2], outs=[Out(I64, [1, 2, 2, 2])])
    yield case(op, rand(F32, 4, 4), [2, 2], outs=[Out(F32, [2, 2])])
    yield case(op, rand(F32, 1, 1, 4, 4), [2], outs=[Out(F32, [1, 1, 2, 2])])
    yield case(op, rand(F32, 1, 1, 4, 4), [2, -1], outs=[Out(F32, [1, 1, 2, 2])])


RESIZES = [
    ((1, 2, 3, 4), [6, 8]),
    ((1, 2, 5, 5), [3, 2]),
    ((2, 1, 3, 3), [3, 3]),
    ((1, 1, 1, 1), [4, 3]),
    ((1, 2, 4, 4), [7, 5]),
    ((1, 1, 4, 6), [1, 1]),
]


@register("upsample_bilinear2d.vec_out", "upsample_nearest2d.vec_out", "_upsample_bilinear2d_aa.out")
def resize(op):
    nearest, smooth = "nearest" in op, "_aa" in op

    def made(tensor, size, corners=False, scales=None, **more):
        if smooth:
            h, w = size or [int(tensor.shape[2] * scales[0]), int(tensor.shape[3] * scales[1])]
            return case(op, tensor, [h, w], corners, *(scales or (None, None)), **more)
        if nearest:
            return case(op, tensor, size, scales, **more)
        return case(op, tensor, size, corners, scales, **more)

    for dtype in (*FLOATS, U8, I32):
        for x, size in RESIZES:
            outs = [Out(dtype, [*x[:2], *size])]
            for corners in (False,) if nearest else (False, True):
                yield made(rand(dtype, *x), size, corners, outs=outs)
    for x in ((1, 2, 3, 4), (1, 1, 5, 5)):
        for scales in ([2.0, 2.0], [0.5, 1.5], [1.7, 2.3]):
            for corners in (False,) if nearest else (False, True):
                yield made(rand(F32, *x), None, corners, scales)
    for x, size in RESIZES[:3]:
        yield made(last(rand(F32, *x)), size)
        yield made(last(rand(F32, *x)), size, True) if not nearest else None
    outs = [Out(F32, [1, 1, 4, 4])]
    yield made(rand(F32, 1, 3, 3), [4, 4], outs=[Out(F32, [1, 4, 4])])
    yield made(rand(F32, 1, 1, 2, 2), [0, 4], outs=[Out(F32, [1, 1, 0, 4])])
    yield made(rand(F32, 1, 1, 2, 2), [4], outs=outs) if not smooth else None
    yield made(rand(F32, 1, 1, 2, 2), None, False, [2.0], outs=outs) if not smooth else None
    yield made(rand(F32, 1, 1, 2, 2), [4, 4], False, [2.0, 2.0], outs=outs)
    yield made(rand(F32, 1, 1, 2, 2), [4, 4], outs=[Out(F64, [1, 1, 4, 4])])


@register("grid_sampler_2d.out")
def grid(op):
    for dtype in FLOATS:
        for mode in (0, 1, 2):
            for padding in (0, 1, 2):
                for corners in (True, False):
                    image, places = rand(dtype, 1, 2, 3, 4), rand(dtype, 1, 2, 3, 2, low=-1.4, high=1.4)
                    yield case(op, image, places, mode, padding, corners, outs=[Out(dtype, [1, 2, 2, 3])])
    yield case(op, rand(F32, 2, 1, 5, 5), rand(F32, 2, 4, 4, 2, low=-3.0, high=3.0), 0, 2, False)
    yield case(op, rand(F32, 0, 1, 5, 5), rand(F32, 0, 4, 4, 2), 0, 0, False)
    outs = [Out(F32, [1, 2, 2, 3])]
    image, places = rand(F32, 1, 2, 3, 4), rand(F32, 1, 2, 3, 2)
    for mode, padding in ((3, 0), (0, 3), (-1, 0)):
        yield case(op, image, places, mode, padding, True, outs=outs)
    yield case(op, image, rand(F32, 1, 2, 3, 3), 0, 0, True, outs=outs)
    yield case(op, image, rand(F64, 1, 2, 3, 2), 0, 0, True, outs=outs)
    yield case(op, image, rand(F32, 2, 2, 3, 2), 0, 0, True, outs=outs)


@register("pixel_shuffle.out", "pixel_unshuffle.out")
def shuffle(op):
    shapes = [
        ((1, 2, 4, 6), 2),
        ((2, 4, 4), 2),
        ((1, 1, 3, 3), 3),
        ((1, 3, 2, 2), 1),
        ((2, 1, 2, 2, 4), 2),
        ((0, 1, 2, 2), 2),
    ]
    if "un" not in op:
        shapes = [
            ((1, 8, 2, 3), 2),
            ((4, 2, 2), 2),
            ((1, 9, 1, 2), 3),
            ((1, 3, 2, 2), 1),
            ((2, 1, 4, 2, 1), 2),
            ((0, 4, 2, 2), 2),
        ]
    for dtype in ALL:
        for x, factor in shapes:
            yield case(op, rand(dtype, *x), factor)
    outs = [Out(F32, [1, 2, 4, 4])]
    for x, factor in (((1, 3, 3, 3), 2), ((1, 4, 2, 2), 0), ((1, 4, 2, 2), -2), ((4, 4), 2)):
        yield case(op, rand(F32, *x), factor, outs=outs)


@register(*(f"{kind}_pad{rank}d.out" for kind in ("reflection", "replication") for rank in (1, 2, 3)))
def pad(op):
    rank = int(op[op.index("pad") + 3])
    reflects = "reflection" in op
    pads = [[1, 2] * rank, [0, 1] * rank, [2, 0] * rank, [0, 0] * rank]
    shapes = [(2, *(4, 3, 5)[:rank]), (1, 2, *(3, 4, 3)[:rank])]
    for dtype in ALL:
        for x in shapes:
            for amount in pads:
                yield case(op, rand(dtype, *x), amount)
    x = rand(F32, *shapes[1])
    yield case(op, x, [-1, 0] * rank)
    yield case(op, x, [-1, 2] * rank)
    yield case(op, rand(F32, 0, *shapes[1][1:]), [1, 1] * rank)
    outs = [Out(F32, [1, 2, *(n + 2 for n in shapes[1][2:])])]
    yield case(op, x, [1] * (2 * rank - 1), outs=outs)
    yield case(op, x, [1] * (2 * rank + 1), outs=outs)
    yield case(op, x, [7, 7] * rank, outs=[Out(F32, [1, 2, *(n + 14 for n in shapes[1][2:])])])
    yield case(op, x, [-9, 0] * rank, outs=outs)
    if reflects:
        yield case(op, x, [x.shape[-1], 0] + [0, 0] * (rank - 1), outs=[Out(F32, [*x.shape[:-1], 2 * x.shape[-1]])])
    yield case(op, rand(F32, 3), [1, 1] * rank, outs=[Out(F32, [5])])
    if rank == 2:
        yield case(op, last(rand(F32, 1, 2, 3, 4)), [1, 1, 1, 1])


@register("constant_pad_nd.out")
def constant_pad(op):
    for dtype in ALL:
        for x, amount in (
            ((2, 3), [1, 2]),
            ((2, 3), [0, 1, 2, 0]),
            ((2, 3), [-1, 1]),
            ((3,), [2, 2]),
            ((2, 3, 2), [1, 0, -1, 1]),
        ):
            yield case(op, rand(dtype, *x), amount, 1)
            yield case(op, rand(dtype, *x), amount)
    for value in (math.nan, -math.inf, 2.5, True, -0.0):
        yield case(op, rand(F32, 2, 2), [1, 1], value)
    yield case(op, rand(I32, 2, 2), [1, 1], 2.5)
    yield case(op, rand(F32), [])
    yield case(op, rand(F32, 2, 2), [])
    yield case(op, rand(F32, 0, 2), [1, 1, 2, 0], 5)
    yield case(op, last(rand(F32, 1, 3, 2, 2)), [1, 1, 1, 1], 2.0)
    yield case(op, last(rand(F32, 1, 3, 2, 2)), [1, 0, 0, 0, 1, 0], 2.0)
    outs = [Out(F32, [2, 4])]
    for amount in ([1], [1, 1, 1, 1, 1, 1], [-4, 0], [-2, -2]):
        yield case(op, rand(F32, 2, 3), amount, outs=outs)


@register("_fft_r2c.out")
def forward(op):
    for dtype, answer in ((F32, torch.complex64), (F64, torch.complex128), (F16, torch.complex32)):
        for x, dims in (
            ((8,), [0]),
            ((3, 5), [1]),
            ((4, 6), [0]),
            ((4, 6), [0, 1]),
            ((2, 3, 4), [1, 2]),
            ((1,), [0]),
            ((2, 7), [-1]),
        ):
            for mode in (0, 1, 2):
                for half in (True, False):
                    if mode == 0 or half:
                        outs = None if dtype != F16 else [Out(answer, list(x))]
                        yield case(op, rand(dtype, *x), dims, mode, half, outs=outs)
    yield case(op, rand(F32, 16, 9), [0, 1], 0, True)
    outs = [Out(torch.complex64, [4, 3])]
    for dims, mode in (([2], 0), ([0, 0], 0), ([], 0), ([0], 7)):
        yield case(op, rand(F32, 4, 3), dims, mode, False, outs=outs)
    yield case(op, rand(F32, 0, 3), [0], 0, True, outs=[Out(torch.complex64, [0, 3])])
    yield case(op, rand(I32, 4, 3), [0], 0, False, outs=outs)
    yield case(op, rand(F32, 4, 3), [0], 0, False, outs=[Out(F32, [4, 3])])
    yield case(op, rand(F32, 4, 3), [0], 0, False, outs=[Out(torch.complex128, [4, 3])])


@register("_fft_c2r.out")
def backward(op):
    for dtype in (torch.complex64, torch.complex128):
        for x, dims, size in (
            ((5,), [0], 8),
            ((3, 3), [1], 5),
            ((3, 6), [0], 4),
            ((4, 3), [0, 1], 4),
            ((2, 3, 3), [1, 2], 5),
            ((1,), [0], 1),
            ((2, 4), [-1], 7),
            ((2, 4), [1], 6),
        ):
            for mode in (0, 1, 2):
                yield case(op, rand(dtype, *x), dims, mode, size)
    outs = [Out(F32, [4, 4])]
    for dims, mode, size in (([2], 0, 4), ([1], 0, 0), ([1], 0, -1), ([1], 7, 4), ([], 0, 4), ([1], 0, 9)):
        yield case(op, rand(torch.complex64, 4, 3), dims, mode, size, outs=outs)
    yield case(op, rand(F32, 4, 3), [1], 0, 4, outs=outs)
    yield case(op, rand(torch.complex64, 4, 3), [1], 0, 4, outs=[Out(F64, [4, 4])])


@register("embedding.out")
def embedding(op):
    for dtype in (*ALL, torch.complex64):
        for index in ([4, 0, 2], [[1, 1], [3, 0]]):
            yield case(op, rand(dtype, 5, 3), torch.tensor(index))
        yield case(op, rand(dtype, 5, 3), torch.tensor([1, 2], dtype=I32))
    yield case(op, rand(F32, 5, 3), torch.tensor(2))
    yield case(op, rand(F32, 5, 3), torch.zeros(0, dtype=I64))
    yield case(op, rand(F32, 5, 0), torch.tensor([1]))
    yield case(op, rand(F32, 5, 3), torch.tensor([1, 1]), 1, True, False)
    for index in ([5], [-1]):
        yield case(op, rand(F32, 5, 3), torch.tensor(index), outs=[Out(F32, [1, 3])])
    yield case(op, rand(F32, 5), torch.tensor([1]), outs=[Out(F32, [1])])
    yield case(op, rand(F32, 5, 3), torch.tensor([1.0]), outs=[Out(F32, [1, 3])])
    yield case(op, rand(F32, 5, 3), torch.tensor([1], dtype=U8), outs=[Out(F32, [1, 3])])
    yield case(op, rand(F32, 5, 3), torch.tensor([1]), outs=[Out(F64, [1, 3])])
