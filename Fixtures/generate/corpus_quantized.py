"""Cases of quantized_decomposed."""

import math

import torch
from corpus_case import Out
from corpus_make import BF16, F16, F32, F64, I8, I16, I32, I64, U8
from corpus_make import case, complete, last, rand, register

Q = "quantized_decomposed::"
U16 = torch.uint16
RANGES = {U8: (0, 255), I8: (-128, 127), I16: (-32768, 32767), I32: (-(2**31), 2**31 - 1), U16: (0, 65535)}


def quantized(dtype, *shape):
    low, high = RANGES[dtype]
    return torch.randint(max(low, -1000), min(high, 1000) + 1, shape).to(dtype)


def out(dtype, *sizes, **more):
    return [Out(dtype, list(sizes), **more)]


@register(Q + "quantize_per_tensor.out", Q + "quantize_per_tensor.Tensor_out")
def quantize(op):
    def made(tensor, scale, zero, low, high, dtype, outs=None):
        if "Tensor_out" in op:
            scale, zero = torch.tensor([scale], dtype=F64), torch.tensor([zero], dtype=I64)
        return case(op, tensor, scale, zero, low, high, dtype, outs=outs or [Out(dtype, list(tensor.shape))])

    for dtype, (low, high) in RANGES.items():
        zero = (max(low, -100) + min(high, 200)) // 3
        for source in (F32, F16, BF16, F64):
            yield made(rand(source, 3, 4), 0.05, zero, low, high, dtype)
        for shape in ((), (0,), (2, 3, 2), (70,)):
            yield made(rand(F32, *shape), 0.1, zero, low, high, dtype)
        yield made(
            torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 1e9, -1e9, -0.0]), 1.0, 0, low, high, dtype
        )
        yield made(torch.tensor([0.25, 0.75, -0.25, 0.1, 3.3]), 0.5, zero, low, high, dtype)
    yield made(rand(F32, 20), 0.01, 3, -8, 7, I8)
    yield made(rand(F32, 20), 0.01, 3, 0, 15, U8)
    yield made(last(rand(F32, 1, 3, 2, 2)), 0.1, 0, -128, 127, I8, [Out(I8, [1, 3, 2, 2], [0, 2, 3, 1])])
    yield made(rand(F32, 3), 0.1, 0, -128, 127, I8, out(U8, 3))
    yield made(rand(F32, 3), 0.1, 0, -129, 127, I8)
    yield made(rand(F32, 3), 0.1, 0, 0, 256, U8)
    yield made(rand(I32, 3), 0.1, 0, -128, 127, I8)
    yield made(rand(F32, 3), 0.1, 0, -128, 127, F32, out(F32, 3))
    yield made(rand(F32, 3), 0.1, 0, 5, -5, I8)


@register(Q + "dequantize_per_tensor.out", Q + "dequantize_per_tensor.Tensor_out")
def dequantize(op):
    def made(tensor, scale, zero, low, high, to=None, given=None, outs=None, dtype=None):
        if "Tensor_out" in op:
            scale, zero = torch.tensor([scale], dtype=F64), torch.tensor([zero], dtype=I64)
        outs = outs or [Out(to or F32, list(tensor.shape))]
        return case(op, tensor, scale, zero, low, high, dtype or tensor.dtype, out_dtype=given, outs=outs)

    for dtype, (low, high) in RANGES.items():
        zero = (max(low, -100) + min(high, 200)) // 3
        for to in (F32, F64, F16, BF16):
            yield made(quantized(dtype, 3, 4), 0.05, zero, low, high, to)
        yield made(quantized(dtype, 5), 0.3, zero, low, high, F32, F32)
        for shape in ((), (0,), (2, 3, 2), (70,)):
            yield made(quantized(dtype, *shape), 0.1, zero, low, high)
        yield made(torch.tensor([low, high, 0]).to(dtype), 0.013, zero, low, high)
    yield made(quantized(I8, 3), 0.1, 0, -128, 127, F32, F64)
    yield made(quantized(I8, 3), 0.1, 0, -128, 127, dtype=U8)
    yield made(quantized(I8, 3), 0.1, 0, 5, -5)
    yield made(rand(I64, 3), 0.1, 0, 0, 9)
    x = last(quantized(I8, 1, 3, 2, 2))
    yield made(x, 0.1, 0, -128, 127, outs=[Out(F32, [1, 3, 2, 2], [0, 2, 3, 1])])


@register(Q + "quantize_per_channel.out")
def quantize_channel(op):
    for dtype, (low, high) in RANGES.items():
        zero = max(0, low)
        for axis in (0, 1, -1):
            n = (3, 4)[axis]
            scales = torch.rand(n, dtype=F64) * 0.1 + 0.01
            for source in (F32, F16) if axis == 0 else (F32, F64):
                yield case(
                    op,
                    rand(source, 3, 4),
                    scales,
                    torch.arange(n) + zero,
                    axis,
                    low,
                    high,
                    dtype,
                    outs=out(dtype, 3, 4),
                )
        yield case(
            op,
            rand(F32, 2, 3, 2),
            torch.rand(3, dtype=F64) + 0.1,
            torch.zeros(3, dtype=I64),
            1,
            low,
            high,
            dtype,
            outs=out(dtype, 2, 3, 2),
        )
        yield case(
            op,
            torch.tensor([0.5, 1.5, -0.5, 2.5]),
            torch.ones(4, dtype=F64),
            torch.zeros(4, dtype=I64),
            0,
            low,
            high,
            dtype,
            outs=out(dtype, 4),
        )
    ones, zeros = torch.ones(3, dtype=F64), torch.zeros(3, dtype=I64)
    yield case(op, rand(F32, 0, 3), ones, zeros, 1, -128, 127, I8, outs=out(I8, 0, 3))
    for scales, zeros_, axis, to in (
        (ones[:2].clone(), zeros, 0, I8),
        (ones, zeros[:2].clone(), 0, I8),
        (ones, zeros, 2, I8),
        (ones.float(), zeros, 0, I8),
        (ones, zeros.int(), 0, I8),
        (ones, zeros, 0, U8),
    ):
        yield case(op, rand(F32, 3, 4), scales, zeros_, axis, -128, 127, to, outs=out(I8, 3, 4))


@register(Q + "dequantize_per_channel.out")
def dequantize_channel(op):
    for dtype, (low, high) in RANGES.items():
        for axis in (0, 1, -1):
            n = (3, 4)[axis]
            for kind in (F64, F32):
                for zeros in (None, torch.arange(n), torch.arange(n, dtype=I32)):
                    yield case(
                        op,
                        quantized(dtype, 3, 4),
                        torch.rand(n).to(kind) * 0.1,
                        zeros,
                        axis,
                        low,
                        high,
                        dtype,
                        outs=out(F32, 3, 4),
                    )
        for to in (F16, F64, BF16):
            yield case(
                op,
                quantized(dtype, 3, 4),
                torch.rand(3, dtype=F64),
                torch.arange(3),
                0,
                low,
                high,
                dtype,
                outs=out(to, 3, 4),
            )
        yield case(
            op,
            quantized(dtype, 2, 3, 2),
            torch.rand(3, dtype=F64),
            torch.arange(3),
            1,
            low,
            high,
            dtype,
            outs=out(F32, 2, 3, 2),
        )
        yield case(
            op,
            quantized(dtype, 4),
            torch.rand(4, dtype=F64),
            torch.arange(4),
            0,
            low,
            high,
            dtype,
            out_dtype=F32,
            outs=out(F32, 4),
        )
    ones, zeros = torch.ones(3, dtype=F64), torch.zeros(3, dtype=I64)
    yield case(op, quantized(I8, 0, 3), ones, zeros, 1, -128, 127, I8, outs=out(F32, 0, 3))
    for scales, zeros_, axis, dtype in (
        (ones[:2].clone(), zeros, 0, I8),
        (ones, zeros[:2].clone(), 0, I8),
        (ones, zeros, 2, I8),
        (ones.half(), zeros, 0, I8),
        (ones, zeros.short(), 0, I8),
        (ones, zeros, 0, U8),
    ):
        yield case(op, quantized(I8, 3, 4), scales, zeros_, axis, -128, 127, dtype, outs=out(F32, 3, 4))


@register(Q + "quantize_per_token.out")
def quantize_token(op):
    for dtype, (low, high) in RANGES.items():
        for shape in ((3, 4), (2, 3, 2), (1, 5)):
            tokens = math.prod(shape[:-1])
            for rank in (0, 1):
                scales = torch.rand((*shape[:-1], 1), dtype=F64) * 0.1 + 0.01
                zeros = (torch.arange(tokens) + max(low, 0)).reshape(*shape[:-1], 1)
                for source in (F32, F16) if rank else (F32, F64):
                    yield case(op, rand(source, *shape), scales, zeros, low, high, dtype, outs=out(dtype, *shape))
    scales, zeros = torch.ones(3, 1, dtype=F64), torch.zeros(3, 1, dtype=I64)
    yield case(op, rand(F32, 3, 0), scales, zeros, -128, 127, I8, outs=out(I8, 3, 0))
    for a, b, to in (
        (scales[:2].clone(), zeros, I8),
        (scales.float(), zeros, I8),
        (scales, zeros.int(), I8),
        (scales, zeros, U8),
    ):
        yield case(op, rand(F32, 3, 4), a, b, -128, 127, to, outs=out(I8, 3, 4))


@register(Q + "dequantize_per_token.out")
def dequantize_token(op):
    for dtype, (low, high) in RANGES.items():
        for shape in ((3, 4), (2, 3, 2), (1, 5)):
            tokens = math.prod(shape[:-1])
            scales = torch.rand((*shape[:-1], 1), dtype=F64) * 0.1 + 0.01
            zeros = torch.arange(tokens).reshape(*shape[:-1], 1)
            for to in (F32, F16, F64):
                yield case(op, quantized(dtype, *shape), scales, zeros, low, high, dtype, to, outs=out(to, *shape))
            yield case(
                op, quantized(dtype, *shape), scales.float(), zeros, low, high, dtype, F32, outs=out(F32, *shape)
            )
    scales, zeros = torch.ones(3, 1, dtype=F64), torch.zeros(3, 1, dtype=I64)
    yield case(op, quantized(I8, 3, 0), scales, zeros, -128, 127, I8, F32, outs=out(F32, 3, 0))
    for a, b, to in (
        (scales[:2].clone(), zeros, I8),
        (scales.half(), zeros, I8),
        (scales, zeros.short(), I8),
        (scales, zeros, U8),
    ):
        yield case(op, quantized(I8, 3, 4), a, b, -128, 127, to, F32, outs=out(F32, 3, 4))


@register(Q + "choose_qparams.Tensor_out")
def choose(op):
    def made(tensor, low, high, dtype, outs=None):
        return case(op, tensor, low, high, 1e-5, dtype, outs=outs or [Out(F64, [1]), Out(I64, [1])])

    for dtype, (low, high) in list(RANGES.items())[:3]:
        for tensor in (
            rand(F32, 3, 4),
            rand(F32, 7, low=1.0, high=2.0),
            rand(F32, 7, low=-2.0, high=-1.0),
            torch.zeros(3),
            rand(F32),
            torch.tensor([1e-30, -1e-30]),
            torch.tensor([1e30, -1e30]),
        ):
            yield made(tensor, low, high, dtype)
    yield made(rand(F32, 9), -8, 7, I8)
    yield made(rand(F32, 500), -128, 127, I8)
    for dtype in (F16, F64, I32):
        yield made(rand(dtype, 3), -128, 127, I8)
    yield made(rand(F32, 3), 5, 5, I8)
    yield made(rand(F32, 3), -128, 127, I8, [Out(F32, [1]), Out(I64, [1])])
    yield made(rand(F32, 3), -128, 127, I8, [Out(F64, [1]), Out(I32, [1])])
    yield made(rand(F32, 3), -128, 127, I8, [Out(F64, [2], static=True), Out(I64, [1])])


@register(Q + "choose_qparams_per_token_asymmetric.out")
def choose_token(op):
    def made(tensor, sizes=None, a=F64, b=I64):
        sizes = [*tensor.shape[:-1], 1] if sizes is None else sizes
        return case(op, tensor, I8, outs=[Out(a, sizes), Out(b, sizes)])

    for shape in ((3, 4), (2, 3, 5), (1, 7), (4, 1), (2, 2, 2, 3)):
        for low, high in ((-4.0, 4.0), (1.0, 2.0), (-2.0, -1.0), (-1e-20, 1e-20), (-1e20, 1e20)):
            yield made(rand(F32, *shape, low=low, high=high))
    yield made(torch.zeros(2, 3))
    yield made(rand(F32, 4))
    yield made(rand(F32, 3, 400))
    for dtype in (F16, F64, I32):
        yield made(rand(dtype, 2, 3))
    yield made(rand(F32, 2, 3), [3, 1])
    yield made(rand(F32, 2, 3), [2, 1], F32)
    yield made(rand(F32, 2, 3), [2, 1], F64, I32)


@register(Q + "add.out")
def add(op):
    def made(a, b, dtype, a_zero=3, b_zero=5, o_zero=7, a_scale=0.1, b_scale=0.2, o_scale=0.3, top=255, outs=None):
        return case(
            op,
            a,
            a_scale,
            a_zero,
            0,
            top,
            b,
            b_scale,
            b_zero,
            0,
            top,
            o_scale,
            o_zero,
            0,
            top,
            outs=outs or out(dtype, *a.shape),
        )

    for dtype in (U8, I8):
        for shape in ((3, 4), (), (0,), (70,), (2, 1, 3, 2)):
            yield made(quantized(dtype, *shape), quantized(dtype, *shape), dtype)
            yield made(quantized(dtype, *shape), quantized(dtype, *shape), dtype, o_scale=0.05)
            yield made(quantized(dtype, *shape), quantized(dtype, *shape), dtype, top=127, a_zero=0, b_zero=0, o_zero=0)
    a, b = quantized(U8, 3), quantized(U8, 3)
    yield made(a, b, U8, o_scale=0.001)
    yield made(a, b, I8)
    yield made(a, quantized(U8, 2), U8)
    yield made(a, quantized(I8, 3), U8)
    yield made(a, b, U8, top=256)
    yield made(quantized(I16, 3), quantized(I16, 3), I16)


EMBEDDINGS = [
    f"{Q}embedding_{kind}.{overload}" for kind in ("byte", "2bit", "4bit") for overload in ("out", "dtype_out")
]


@register(*EMBEDDINGS)
def embedding(op):
    byte, named = "_byte" in op, ".dtype_out" in op
    packed = 1 if byte else 4 if "2bit" in op else 2
    low, high = (-128, 127) if byte else (-2, 1) if "2bit" in op else (-8, 7)

    def made(weight, scales, zeros, indices, to=F32, dtype="", outs=None, limits=None):
        more = {"dtype": to if dtype == "" else dtype} if named else {}
        outs = outs or [Out(to, [*indices.shape, weight.shape[1] * packed])]
        args = [weight, scales, zeros, *(limits or (low, high)), indices]
        return case(op, *complete(op, args, more), outs=outs)

    for weight_type in (I8, U8) if byte else (U8,):
        for to in (F32, F16, BF16):
            for groups in (0, 1, 2):
                scales = torch.rand((5, groups) if groups else 5).to(to) + 0.1
                for zeros in (None, torch.randint(-3, 4, scales.shape).to(to)):
                    for indices in (torch.tensor([4, 0, 2]), torch.tensor([[1], [3]])):
                        weight = torch.randint(-128, 128, (5, 4)).to(weight_type)
                        yield made(weight, scales, zeros, indices, to)
                        if named:
                            yield made(weight, scales, zeros, indices, to, None)
        for to in (F32, F16):
            weight = torch.randint(-128, 128, (5, 4)).to(weight_type)
            yield made(weight, torch.rand(5), None, torch.tensor([1, 2]), to)
            yield made(weight, torch.rand(5).half(), None, torch.tensor([1, 2]), to)
    weight, scales = torch.randint(0, 100, (5, 4)).to(U8), torch.rand(5)
    yield made(weight, scales, None, torch.tensor(3))
    yield made(weight, scales, None, torch.zeros(0, dtype=I64))
    yield made(weight, scales, None, torch.tensor([1, 4], dtype=I32))
    for wrong in (5, -1):
        yield made(weight, scales, None, torch.tensor([wrong]))
    yield made(weight, scales[:4].clone(), None, torch.tensor([1]))
    yield made(weight, torch.rand(5, 3), None, torch.tensor([1]))
    yield made(weight.to(I32), scales, None, torch.tensor([1]))
    yield made(weight, scales, None, torch.tensor([1]), F64)
    yield made(weight, scales.double(), None, torch.tensor([1]))
    yield made(weight, scales, torch.zeros(5, dtype=I32), torch.tensor([1]))
    yield made(weight, scales, None, torch.tensor([1]), limits=(5, -5))
    if named:
        yield made(weight, scales, None, torch.tensor([1]), F32, F16)


@register(Q + "mixed_mm.out", Q + "mixed_linear.out")
def mixed(op):
    linear = "linear" in op

    def made(tensor, weight, scales, zeros=None, to=None, dtype=None, outs=None):
        n = weight.shape[0] if linear else weight.shape[1]
        more = [dtype] if linear else []
        return case(op, tensor, weight, scales, zeros, *more, outs=outs or out(to or tensor.dtype, tensor.shape[0], n))

    for kind in (F32, F16):
        for m, k, n in ((2, 3, 4), (1, 8, 2), (3, 70, 2), (1, 1, 1), (0, 3, 2), (5, 17, 9)):
            weight = quantized(I8, n, k) if linear else quantized(I8, k, n)
            yield made(rand(kind, m, k), weight, rand(kind, weight.shape[0]))
            if linear:
                for groups in (1, 2, 4):
                    if k % groups == 0:
                        yield made(rand(kind, m, k), weight, rand(kind, n, groups))
                for to in (F32, F16):
                    yield made(rand(kind, m, k), weight, rand(kind, n), None, to, to)
                    yield made(rand(kind, m, k), weight, rand(kind, n), None, to)
    x, weight = rand(F32, 2, 3), quantized(I8, 3, 3)
    yield made(x, weight, rand(F32, 3), rand(F32, 3))
    yield made(x, weight, rand(F16, 3))
    yield made(x, weight, rand(F32, 2))
    yield made(x, weight.to(U8), rand(F32, 3))
    yield made(x.double(), weight, rand(F64, 3))
    yield made(x.bfloat16(), weight, rand(BF16, 3))
    yield made(x, weight, rand(F32, 3), to=F64)
    yield made(rand(F32, 2, 4), weight, rand(F32, 3))
    yield made(rand(F32, 3), weight, rand(F32, 3), outs=out(F32, 3))
