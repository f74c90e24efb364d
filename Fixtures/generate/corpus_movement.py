"""Cases of operators that move, copy, fill and create."""

import math

import torch
from corpus_case import Out
from corpus_make import ALL, BF16, BOOL, F16, F32, F64, I8, I32, I64, U8
from corpus_make import case, edges, last, rand, register, wide

EVERY = [*ALL, torch.complex64]


@register("alias_copy.out", "detach_copy.out", "lift_fresh_copy.out", "clone.out", "et_copy::_h2d_copy.out",
          "et_copy::_d2h_copy.out", "dim_order_ops::_clone_dim_order.out")  # fmt: skip
def copies(op):
    for dtype in EVERY:
        for shape in ((2, 3), (), (0, 2), (5,)):
            tensor = rand(dtype, *shape)
            yield case(op, tensor, outs=[Out.like(tensor)])
        if not dtype.is_complex:
            tensor = edges(dtype)
            yield case(op, tensor, outs=[Out.like(tensor)])
    x = last(rand(F32, 1, 3, 2, 2))
    yield case(op, x, outs=[Out.like(x)])
    yield case(op, x, outs=[Out(F32, [1, 3, 2, 2])])
    yield case(op, rand(F32, 2, 3), outs=[Out(F32, [2, 3], static=True)])
    if op == "aten::clone.out":
        for form in (torch.contiguous_format, torch.preserve_format, torch.channels_last):
            for tensor in (rand(F32, 1, 3, 2, 2), x):
                yield case(op, tensor, memory_format=form, outs=[Out.like(tensor)])
                yield case(op, tensor, memory_format=form, outs=[Out(F32, [1, 3, 2, 2])])
    if "_clone_dim_order" in op:
        yield from reorder(op)


def reorder(op, dtypes=((F32, F32),)):
    for a, b in dtypes:
        plain = rand(a, 2, 3, 2, 2)
        for tensor in (plain, last(plain)):
            for order in (None, [0, 1, 2, 3], [0, 2, 3, 1]):
                for out in ([0, 1, 2, 3], [0, 2, 3, 1]):
                    yield case(op, tensor, dim_order=order, outs=[Out(b, [2, 3, 2, 2], out)])
    yield case(op, rand(F32, 2, 3), dim_order=[0, 1], outs=[Out(dtypes[-1][1], [2, 3])])
    yield case(op, rand(F32, 2, 3), dim_order=[1, 0], outs=[Out(dtypes[-1][1], [2, 3], [1, 0])])
    yield case(op, rand(F32, 2, 3), dim_order=[0], outs=[Out(dtypes[-1][1], [2, 3])])
    yield case(op, rand(F32, 2, 3), non_blocking=True, outs=[Out(F32, [2, 3])])


@register("_to_copy.out", "dim_order_ops::_to_dim_order_copy.out")
def casts(op):
    for a in ALL:
        for b in ALL:
            if a != b:
                tensor = edges(a)
                if a.is_floating_point and not b.is_floating_point and b != BOOL:
                    tensor = rand(a, 9, low=0, high=100)  # beyond the range C++ leaves the answer open
                yield case(op, tensor, outs=[Out(b, list(tensor.shape))])
                if a.is_floating_point and b.is_floating_point:
                    tensor = wide(a, 12)
                    yield case(op, tensor, outs=[Out(b, [12])])
    for shape in ((), (0, 2), (2, 3)):
        yield case(op, rand(F32, *shape), outs=[Out(I32, list(shape))])
    if "dim_order" in op:
        yield from reorder(op, ((F32, F32), (F32, F16), (I32, F32)))
    else:
        for form in (None, torch.contiguous_format, torch.preserve_format, torch.channels_last):
            for tensor in (rand(F32, 1, 3, 2, 2), last(rand(F32, 1, 3, 2, 2))):
                yield case(op, tensor, memory_format=form, outs=[Out(F64, [1, 3, 2, 2])])
                yield case(op, tensor, memory_format=form, outs=[Out(F64, [1, 3, 2, 2], [0, 2, 3, 1])])
        yield case(op, rand(F32, 2), non_blocking=True, outs=[Out(F32, [2])])


@register("copy.out", "copy_")
def copy(op):
    def made(tensor, source, **more):
        if op.endswith("copy_"):
            more["outs"] = [tensor]
        return case(op, tensor, source, **more)

    for dtype in ALL:
        for a, b in (
            ((2, 3), (2, 3)),
            ((2, 3), (3,)),
            ((2, 3), ()),
            ((), ()),
            ((0, 2), (0, 2)),
            ((2, 2, 3), (2, 1, 3)),
        ):
            yield made(rand(dtype, *a), rand(dtype, *b))
    for a, b in ((F32, F64), (I32, F32), (F32, I64), (F16, F32), (BOOL, I32), (U8, BOOL), (BF16, F16), (I64, I8)):
        yield made(rand(a, 2, 3), rand(b, 2, 3, low=0))
    yield made(last(rand(F32, 1, 3, 2, 2)), last(rand(F32, 1, 3, 2, 2)))
    yield made(rand(F32, 1, 3, 2, 2), last(rand(F32, 1, 3, 2, 2)))
    yield made(rand(F32, 2, 3), rand(F32, 2, 3), non_blocking=True)
    yield made(rand(F32, 3), rand(F32, 2, 3), outs=[Out(F32, [3])])
    yield made(rand(F32, 2, 3), rand(F32, 2), outs=[Out(F32, [2, 3])])


@register("as_strided_copy.out")
def as_strided(op):
    layouts = [((2, 3), (3, 1), 0), ((3, 2), (1, 3), 0), ((2, 2), (1, 1), 1), ((4,), (2,), 1), ((), (), 3),
    ((2, 2, 2), (4, 2, 1), 0),
               ((0, 3), (3, 1), 0), ((3,), (0,), 2), ((2, 3), (1, 2), None)]  # fmt: skip
    for dtype in ALL:
        for sizes, strides, offset in layouts:
            yield case(op, rand(dtype, 8), sizes, strides, offset)
    for sizes, strides, offset in (
        ((3, 3), (3, 1), 0),
        ((2,), (1,), 7),
        ((2, 3), (3,), 0),
        ((2,), (-1,), 3),
        ((2,), (1,), -1),
    ):
        yield case(op, rand(F32, 8), sizes, strides, offset, outs=[Out(F32, list(sizes))])


@register("cat.out")
def cat(op):
    for dtype in EVERY:
        yield case(op, [rand(dtype, 2, 3), rand(dtype, 1, 3)], 0)
        yield case(op, [rand(dtype, 2, 3), rand(dtype, 2, 1), rand(dtype, 2, 2)], -1)
        yield case(op, [rand(dtype, 3)])
    for a, b in ((F32, F64), (I32, F32), (U8, I8), (BOOL, F16), (F16, BF16), (I64, I32)):
        yield case(op, [rand(a, 2), rand(b, 3)], 0)
    yield case(op, [rand(F32, 0), rand(F32, 2, 3), rand(F32, 1, 3)], 0)
    yield case(op, [rand(F32, 2, 0), rand(F32, 2, 3)], 1)
    yield case(op, [rand(F32, 0), rand(F32, 0)], 0)
    yield case(op, [rand(F32, 2, 2, 3), rand(F32, 2, 1, 3)], 1)
    yield case(op, [last(rand(F32, 1, 3, 2, 2)), last(rand(F32, 1, 2, 2, 2))], 1)
    yield case(op, [last(rand(F32, 1, 3, 2, 2)), rand(F32, 1, 2, 2, 2)], 1)
    yield case(op, [rand(F32, 2), rand(F32, 2)], dtype=F64)
    yield case(op, [rand(F32, 2), rand(F32, 2)], dtype=F16)
    same = rand(F32, 2, 2)
    yield case(op, [same, same], 0)
    yield case(op, [rand(F32, 2, 3), rand(F32, 2, 2)], 0, outs=[Out(F32, [4, 3])])
    yield case(op, [rand(F32, 2, 3), rand(F32, 3)], 0, outs=[Out(F32, [3, 3])])
    yield case(op, [rand(F32), rand(F32)], 0, outs=[Out(F32, [2])])
    yield case(op, [rand(F32, 2), rand(F32, 2)], 1, outs=[Out(F32, [4])])
    yield case(op, [rand(F32, 0), rand(F32, 2, 3)], 5, outs=[Out(F32, [2, 3])])


@register("stack.out")
def stack(op):
    for dtype in EVERY:
        yield case(op, [rand(dtype, 2, 3), rand(dtype, 2, 3)], 0)
        yield case(op, [rand(dtype, 2, 3), rand(dtype, 2, 3)], -1)
        yield case(op, [rand(dtype, 3)], 1)
    for a, b in ((F32, F64), (I32, F32), (U8, I8), (BOOL, F16)):
        yield case(op, [rand(a, 2), rand(b, 2)], 1)
    yield case(op, [rand(F32), rand(F32)], 0)
    yield case(op, [rand(F32, 0), rand(F32, 0)], 1)
    yield case(op, [rand(F32, 2, 3), rand(F32, 3, 2)], 0, outs=[Out(F32, [2, 2, 3])])
    yield case(op, [rand(F32, 2), rand(F32, 2)], 2, outs=[Out(F32, [2, 2])])
    yield case(op, [rand(F32, 2), rand(F32, 2)], -3, outs=[Out(F32, [2, 2])])


@register("split_copy.Tensor_out", "split_with_sizes_copy.out", "unbind_copy.int_out")
def splits(op):
    def made(tensor, sizes, dim, **more):
        if "unbind" in op:
            return case(op, tensor, dim, **more)
        return case(op, tensor, sizes, dim, **more)

    many = "with_sizes" in op
    for dtype in EVERY:
        yield made(rand(dtype, 4, 3), [1, 3] if many else 3, 0)
        yield made(rand(dtype, 2, 3), [1, 2] if many else 2, -1)
    yield made(rand(F32, 2, 4, 3), [4] if many else 9, 1)
    yield made(rand(F32, 2, 4, 3), [0, 4] if many else 1, -2)
    yield made(rand(F32, 0, 2), [0] if many else 1, 0)
    yield made(rand(F32, 4), [1, 1, 2] if many else 1, 0)
    yield made(last(rand(F32, 1, 4, 2, 2)), [1, 3] if many else 2, 1)
    if "unbind" not in op:
        for sizes in ([1, 2], [5, -1], [4, 1]) if many else (0, -1):
            yield made(rand(F32, 4), sizes, 0, outs=[[Out(F32, [1]), Out(F32, [3])]])
    yield made(rand(F32, 4), [1, 3] if many else 1, 1, outs=[[Out(F32, [1]), Out(F32, [3])]])
    yield made(rand(F32, 2), [1, 1] if many else 1, 0, outs=[[Out(F64, [1]), Out(F64, [1])]])
    yield made(rand(F32, 3), [1, 1, 1] if many else 1, 0, outs=[[Out(F32, [1]), Out(F32, [1])]])


VIEWS = {
    "diagonal_copy.out": [((3, 4), {}), ((3, 4), {"offset": 1}), ((3, 4), {"offset": -2}),
        ((2, 3, 4), {"dim1": 0, "dim2": 2}),
                          ((2, 3, 4), {"offset": 1, "dim1": -1, "dim2": -2}), ((3, 4), {"offset": 9}), ((0, 3), {})],
    "expand_copy.out": [((3,), {"size": [2, 3]}), ((2, 1), {"size": [2, 4]}), ((2, 1), {"size": [3, -1, 2]}),
        ((), {"size": [2]}),
                        ((1, 3), {"size": [2, 3], "implicit": True}), ((1,), {"size": [0]}),
                        ((2, 3), {"size": [2, 3]})],
    "permute_copy.out": [((2, 3), {"dims": [1, 0]}), ((2, 3, 4), {"dims": [2, 0, 1]}),
        ((2, 3, 4), {"dims": [-1, 0, -2]}), ((), {"dims": []}),
                         ((0, 3), {"dims": [1, 0]}), ((5,), {"dims": [0]}), ((2, 1, 3, 2), {"dims": [0, 2, 3, 1]})],
    "select_copy.int_out": [((2, 3), {"dim": 0, "index": 1}), ((2, 3), {"dim": -1, "index": -2}),
        ((4,), {"dim": 0, "index": 3}),
                            ((2, 3, 2), {"dim": 1, "index": 0}), ((2, 0, 3), {"dim": 0, "index": 0}),
                            ((2, 3, 4), {"dim": 2, "index": -4})],
    "slice_copy.Tensor_out": [((5, 3), {"start": 1, "end": 3}), ((5, 3), {"dim": 1, "start": -2}),
        ((6,), {"start": 1, "end": 6, "step": 2}), ((3, 4), {"dim": -1, "end": 100}),
                              ((4,), {"start": 3, "end": 1}), ((4,), {"start": -100, "end": 2}),
                              ((2, 6, 2), {"dim": 1, "step": 4}), ((0, 3), {})],
    "squeeze_copy.dim_out": [((2, 1, 3), {"dim": 1}), ((2, 1, 3), {"dim": 0}), ((1, 3), {"dim": -2}),
        ((), {"dim": 0}), ((1,), {"dim": -1}), ((1, 0), {"dim": 0})],
    "squeeze_copy.dims_out": [((2, 1, 3, 1), {"dim": [1, 3]}), ((2, 1, 3), {"dim": [0, 1]}), ((1, 3), {"dim": [-2]}),
        ((), {"dim": []}), ((1,), {"dim": [0]}), ((1, 1), {"dim": [0, 1]})],
    "t_copy.out": [((2, 3), {}), ((4,), {}), ((), {}), ((0, 3), {}), ((1, 5), {})],
    "transpose_copy.int_out": [((2, 3), {"dim0": 0, "dim1": 1}), ((2, 3, 4), {"dim0": 0, "dim1": 2}),
        ((2, 3, 4), {"dim0": -1, "dim1": -2}), ((), {"dim0": 0, "dim1": -1}),
                               ((4,), {"dim0": 0, "dim1": 0}), ((0, 3), {"dim0": 0, "dim1": 1})],
    "unsqueeze_copy.out": [((2, 3), {"dim": 0}), ((2, 3), {"dim": 2}), ((2, 3), {"dim": -1}), ((), {"dim": 0}),
        ((0,), {"dim": 1}), ((2, 3), {"dim": -3})],
    "view_copy.out": [((2, 6), {"size": [3, 4]}), ((2, 6), {"size": [-1]}), ((2, 6), {"size": [2, -1, 3]}),
        ((), {"size": [1]}), ((1,), {"size": []}), ((0, 3), {"size": [3, 0]}),
                      ((4,), {"size": [2, 2]})],
    "unfold_copy.out": [((7,), {"dimension": 0, "size": 3, "step": 2}),
        ((3, 5), {"dimension": 1, "size": 2, "step": 1}), ((4, 3), {"dimension": -2, "size": 4, "step": 1}),
                        ((2, 6, 2), {"dimension": 1, "size": 3, "step": 3}),
                        ((5,), {"dimension": 0, "size": 1, "step": 9}), ((3,), {"dimension": 0, "size": 0, "step": 1})],
    "narrow_copy.out": [((4, 3), {"dim": 0, "start": 1, "length": 2}),
        ((4, 3), {"dim": -1, "start": 0, "length": 1}), ((5,), {"dim": 0, "start": 2, "length": 0}),
                        ((5,), {"dim": 0, "start": -3, "length": 2}), ((2, 4, 2), {"dim": 1, "start": 3, "length": 1})],
    "flip.out": [((2, 3), {"dims": [0]}), ((2, 3), {"dims": [0, -1]}), ((2, 3, 4), {"dims": [1]}),
        ((2, 3), {"dims": []}), ((), {"dims": []}), ((0, 2), {"dims": [1]})],
    "roll.out": [((5,), {"shifts": [2], "dims": [0]}), ((2, 3), {"shifts": [1, -1], "dims": [0, 1]}),
        ((2, 3), {"shifts": [-7], "dims": [-1]}), ((2, 3), {"shifts": [2]}),
                 ((0, 2), {"shifts": [1], "dims": [0]}), ((2, 3, 2), {"shifts": [100], "dims": [1]})],
    "repeat.out": [((2, 3), {"repeats": [2, 1]}), ((2, 3), {"repeats": [2, 1, 2]}), ((3,), {"repeats": [4]}),
        ((), {"repeats": [2]}), ((2,), {"repeats": [0]}),
                   ((2, 1), {"repeats": [1, 3]}), ((0, 2), {"repeats": [2, 2]}), ((), {"repeats": []})],
    "tril.out": [((3, 4), {}), ((3, 4), {"diagonal": 1}), ((4, 3), {"diagonal": -1}), ((2, 3, 3), {}),
        ((3, 3), {"diagonal": -9}), ((3, 3), {"diagonal": 9}), ((0, 3), {})],
}  # fmt: skip
WRONG = {
    "diagonal_copy.out": [((3, 4), {"dim1": 0, "dim2": 0}), ((3,), {})],
    "expand_copy.out": [((3,), {"size": [2]}), ((2, 3), {"size": [3]}), ((3,), {"size": [-1, 3]})],
    "permute_copy.out": [((2, 3), {"dims": [0]}), ((2, 3), {"dims": [0, 0]}), ((2, 3), {"dims": [0, 2]})],
    "select_copy.int_out": [((2, 3), {"dim": 0, "index": 2}), ((2, 3), {"dim": 0, "index": -3}),
        ((), {"dim": 0, "index": 0})],
    "slice_copy.Tensor_out": [((4,), {"step": 0}), ((4,), {"step": -1}), ((), {})],
    "view_copy.out": [((2, 3), {"size": [4]}), ((2, 3), {"size": [-1, -1]}), ((2, 3), {"size": [-2, 3]}),
        ((0, 3), {"size": [-1, 0]})],
    "unfold_copy.out": [((3,), {"dimension": 0, "size": 4, "step": 1}), ((3,), {"dimension": 0, "size": 2, "step": 0})],
    "narrow_copy.out": [((4,), {"dim": 0, "start": 3, "length": 2}), ((4,), {"dim": 0, "start": 0, "length": -1})],
    "flip.out": [((2, 3), {"dims": [0, 0]}), ((2, 3), {"dims": [2]})],
    "roll.out": [((2, 3), {"shifts": [1, 2], "dims": [0]}), ((2, 3), {"shifts": [1], "dims": [2]})],
    "repeat.out": [((2, 3), {"repeats": [2]}), ((2,), {"repeats": [-1]})],
    "tril.out": [((3,), {}), ((), {})],
    "t_copy.out": [((2, 3, 4), {})],
}  # fmt: skip


@register(*VIEWS)
def views(op):
    name = op.removeprefix("aten::")
    for dtype in EVERY:
        for shape, named in VIEWS[name]:
            yield case(op, rand(dtype, *shape), **named)
    for shape, named in WRONG.get(name, []):
        yield case(op, rand(F32, *shape), outs=[Out(F32, list(shape))], **named)
    shape, named = VIEWS[name][0]
    yield case(op, rand(F32, *shape), static=True, **named)
    if name in ("flip.out", "roll.out", "slice_copy.Tensor_out", "select_copy.int_out", "permute_copy.out"):
        more = {"flip.out": {"dims": [1]}, "roll.out": {"shifts": [1], "dims": [1]},
        "slice_copy.Tensor_out": {"dim": 1, "end": 2},
                "select_copy.int_out": {"dim": 1, "index": 1}, "permute_copy.out": {"dims": [0, 2, 3,
                    1]}}[name]  # fmt: skip
        yield case(op, last(rand(F32, 1, 3, 2, 2)), **more)


@register("view_as_real_copy.out")
def view_as_real(op):
    for dtype in (torch.complex64, torch.complex128, torch.complex32):
        for shape in ((2, 3), (), (0,), (1, 2, 2)):
            yield case(op, rand(dtype, *shape))
    yield case(op, rand(torch.complex64, 2), dtype=F64)
    yield case(op, rand(F32, 2), outs=[Out(F32, [2, 2])])


@register("gather.out")
def gather(op):
    for dtype in EVERY:
        yield case(op, rand(dtype, 3, 4), 0, torch.tensor([[0, 2, 1], [2, 0, 1]]))
        yield case(op, rand(dtype, 3, 4), -1, torch.tensor([[3], [0], [1]]))
    yield case(op, rand(F32), 0, torch.tensor(0))
    yield case(op, rand(F32), 0, torch.tensor([0]))
    yield case(op, rand(F32, 4), 0, torch.tensor([3, 3, 0, 1, 2]))
    yield case(op, rand(F32, 3, 4), 1, torch.zeros(0, 2, dtype=I64))
    yield case(op, rand(F32, 2, 3, 2), 1, torch.randint(0, 3, (2, 5, 1)))
    yield case(op, rand(F32, 3), 0, torch.tensor([1, 0]), sparse_grad=True)
    for index in ([3], [-1], [-4]):
        yield case(op, rand(F32, 3), 0, torch.tensor(index), outs=[Out(F32, [1])])
    yield case(op, rand(F32, 3), 0, torch.tensor([1], dtype=I32), outs=[Out(F32, [1])])
    yield case(op, rand(F32, 2, 3), 0, torch.zeros(1, 4, dtype=I64), outs=[Out(F32, [1, 4])])


@register("scatter.src_out", "scatter_add.out", "scatter.value_out")
def scatter(op):
    value = "value" in op

    def source(dtype, *shape):
        return 2 if value else rand(dtype, *shape)

    rows = torch.tensor([[0, 2, 1], [2, 0, 0]])
    for dtype in ALL:
        yield case(
            op,
            rand(dtype, 3, 4),
            0,
            rows if value or "add" in op else torch.tensor([[0, 2, 1], [2, 0, 0]]),
            source(dtype, 2, 3),
        )
        yield case(op, rand(dtype, 3, 4), -1, torch.tensor([[3], [0], [1]]), source(dtype, 3, 1))
        yield case(op, rand(dtype, 3, 4), 1, torch.tensor([[3, 3, 3], [0, 1, 0]]), source(dtype, 2, 4))
        if value:
            yield case(op, rand(dtype, 4), 0, torch.tensor([1, 3]), 2.5)
            yield case(op, rand(dtype, 4), 0, torch.tensor([1, 3]), True)
    yield case(op, rand(F32), 0, torch.tensor(0), source(F32))
    yield case(op, rand(F32, 4), 0, torch.zeros(0, dtype=I64), source(F32, 0))
    yield case(op, rand(F32, 2, 3, 2), 1, torch.randint(0, 3, (2, 2, 2)), source(F32, 2, 2, 2))
    for index in ([3], [-1]):
        yield case(op, rand(F32, 3), 0, torch.tensor(index), source(F32, 1), outs=[Out(F32, [3])])
    yield case(op, rand(F32, 3), 0, torch.tensor([1], dtype=I32), source(F32, 1), outs=[Out(F32, [3])])
    if not value:
        yield case(op, rand(F32, 3), 0, torch.tensor([1, 2]), rand(F32, 1), outs=[Out(F32, [3])])
        yield case(op, rand(F32, 3), 0, torch.tensor([1]), rand(F64, 1), outs=[Out(F32, [3])])


@register("index.Tensor_out")
def index(op):
    def indices(*values):
        return [None if value is None else torch.tensor(value) for value in values]

    for dtype in EVERY:
        yield case(op, rand(dtype, 3, 4), indices([0, 2, -1]))
        yield case(op, rand(dtype, 3, 4), indices(None, [[3, 1]]))
        yield case(op, rand(dtype, 3, 4), indices([0, 2], [1, -4]))
        yield case(op, rand(dtype, 3), indices([True, False, True]))
    x = rand(F32, 2, 3, 4)
    for given in (
        indices([1]), indices(None, [0, 2]), indices(None, None, [3]), indices([0, 1], None, [3, 0]), indices([[0],
        [1]], [[2, 1]]),
        indices([True, False]), indices(None, [False, True, True]), indices([[True, False, True], [False, True,
        False]]),
        indices(1), indices(None, 2), indices([0], [1], [2]), indices([True, True], None, [0, 1]), indices(None, [0,
        1], [2, 2]),
    ):  # fmt: skip
        yield case(op, x.clone(), given)
    yield case(op, rand(F32, 3), [torch.tensor([0, 2], dtype=I32)])
    yield case(op, rand(F32, 3), [torch.zeros(0, dtype=I64)])
    yield case(op, rand(F32, 3), [torch.zeros(3, dtype=BOOL)])
    yield case(op, rand(F32, 3), [torch.tensor([1, 0, 1], dtype=U8)])
    yield case(op, rand(F32, 0, 3), [None, torch.tensor([1])])
    for wrong in ([3], [-4]):
        yield case(op, rand(F32, 3), [torch.tensor(wrong)], outs=[Out(F32, [1])])
    yield case(op, rand(F32, 3), indices([0], [0]), outs=[Out(F32, [1])])
    yield case(op, rand(F32, 3), [torch.tensor([True, False])], outs=[Out(F32, [1])])
    yield case(op, rand(F32, 3, 3), indices([0, 1], [0, 1, 2]), outs=[Out(F32, [3])])
    yield case(op, rand(F32, 3), [torch.tensor([1.0])], outs=[Out(F32, [1])])
    yield case(op, rand(F32, 3), [], outs=[Out(F32, [3])])


@register("index_put.out", "index_put_")
def index_put(op):
    def made(tensor, given, values, accumulate=False, **more):
        more["outs"] = [tensor] if op.endswith("_") else [Out.like(tensor)]
        given = [g if g is None or isinstance(g, torch.Tensor) else torch.tensor(g) for g in given]
        return case(op, tensor, given, values, accumulate, **more)

    for dtype in ALL:
        yield made(rand(dtype, 3, 4), [[0, 2]], rand(dtype, 2, 4))
        yield made(rand(dtype, 3, 4), [None, [3, 1]], rand(dtype, 3, 2))
        yield made(rand(dtype, 3, 4), [[0, 2], [1, -4]], rand(dtype, 2))
        yield made(rand(dtype, 3, 4), [[0, 0, 1]], rand(dtype, 3, 4), True)
        yield made(rand(dtype, 3), [[True, False, True]], rand(dtype, 2))
        yield made(rand(dtype, 3), [[True, False, True]], rand(dtype))
    for given, shape in (
        ([[1]], (3, 4)), ([[1]], (1, 3, 4)), ([None, [0, 2]], (2, 2, 4)), ([None, None, [3]], (2, 3, 1)),
        ([[0, 1], None, [3, 0]], (2, 3)),
        ([[[0], [1]], [[2, 1]]], (2, 2, 4)), ([[True, False]], (1, 3, 4)), ([1], (3, 4)), ([[0], [1], [2]], (1,)),
        ([[0, 1]], (4,)), ([None, [-1]], (1,)),
    ):  # fmt: skip
        yield made(rand(F32, 2, 3, 4), given, rand(F32, *shape))
        yield made(rand(F32, 2, 3, 4), given, rand(F32, *shape), True)
    yield made(rand(F32, 3), [torch.tensor([0, 2], dtype=I32)], rand(F32, 2))
    yield made(rand(F32, 3), [torch.zeros(0, dtype=I64)], rand(F32, 0))
    for given, shape in (([[3]], (1,)), ([[-4]], (1,)), ([[0], [0]], (1,)), ([[0, 1]], (3,)), ([[True, False]], (1,))):
        yield made(rand(F32, 3), given, rand(F32, *shape))
    yield made(rand(F32, 3), [[0]], rand(F64, 1))


@register("index_select.out")
def index_select(op):
    for dtype in EVERY:
        yield case(op, rand(dtype, 3, 4), 0, torch.tensor([2, 0, 2]))
        yield case(op, rand(dtype, 3, 4), -1, torch.tensor([3], dtype=I32))
    yield case(op, rand(F32), 0, torch.tensor([0]))
    yield case(op, rand(F32), 0, torch.tensor(0))
    yield case(op, rand(F32, 4), 0, torch.tensor(2))
    yield case(op, rand(F32, 4), 0, torch.zeros(0, dtype=I64))
    yield case(op, rand(F32, 2, 3, 2), 1, torch.tensor([1, 1, 0, 2]))
    yield case(op, rand(F32, 0, 3), 1, torch.tensor([1, 2]))
    for wrong in ([3], [-1]):
        yield case(op, rand(F32, 3), 0, torch.tensor(wrong), outs=[Out(F32, [1])])
    yield case(op, rand(F32, 3), 0, torch.tensor([[0]]), outs=[Out(F32, [1])])
    yield case(op, rand(F32, 3), 0, torch.tensor([1.0]), outs=[Out(F32, [1])])


@register("masked_select.out", "masked_scatter.out")
def masked(op):
    scatters = "scatter" in op
    for dtype in ALL:
        for a, b in (((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (3,)), ((4,), (4,))):
            mask, tensor = rand(BOOL, *b), rand(dtype, *a)
            whole = list(torch.broadcast_shapes(a, b))
            if scatters:
                yield case(op, tensor, mask, rand(dtype, 7))
                if a != (2, 1):
                    yield case(op, tensor, mask, rand(dtype, 6, 2))
            else:
                yield case(op, tensor, mask, outs=[Out(dtype, [math.prod(whole)])])
                yield case(op, tensor, mask)
    for value in (True, False):
        mask = torch.tensor(value)
        yield case(op, rand(F32), mask, *([rand(F32, 1)] if scatters else []))
        yield case(op, rand(F32, 2, 2), mask, *([rand(F32, 4)] if scatters else []))
    yield case(op, rand(F32, 0), rand(BOOL, 0), *([rand(F32, 0)] if scatters else []))
    mask = torch.tensor([True, True, True])
    if scatters:
        yield case(op, rand(F32, 3), mask, rand(F32, 2), outs=[Out(F32, [3])])
        yield case(op, rand(F32, 3), mask, rand(F64, 3), outs=[Out(F32, [3])])
        yield case(op, last(rand(F32, 1, 3, 2, 2)), last(rand(BOOL, 1, 3, 2, 2)), rand(F32, 12))
    else:
        yield case(op, rand(F32, 3), mask, outs=[Out(F32, [2])])
        yield case(op, rand(F32, 3), rand(U8, 3, high=1), outs=[Out(F32, [3])])
        yield case(op, rand(F32, 2), mask, outs=[Out(F32, [3])])


@register("select_scatter.out")
def select_scatter(op):
    for dtype in ALL:
        yield case(op, rand(dtype, 3, 4), rand(dtype, 4), 0, 1)
        yield case(op, rand(dtype, 3, 4), rand(dtype, 3), -1, -2)
    yield case(op, rand(F32, 3), rand(F32), 0, 2)
    yield case(op, rand(F32, 2, 3, 2), rand(F32, 2, 2), 1, 0)
    yield case(op, rand(F32, 2, 0), rand(F32, 0), 0, 1)
    for source, dim, where in (
        (rand(F32, 3), 0, 0),
        (rand(F32, 4), 0, 3),
        (rand(F32, 4), 0, -4),
        (rand(F64, 4), 0, 0),
        (rand(F32, 4), 2, 0),
    ):
        yield case(op, rand(F32, 3, 4), source, dim, where, outs=[Out(F32, [3, 4])])


@register("slice_scatter.out")
def slice_scatter(op):
    for dtype in ALL:
        yield case(op, rand(dtype, 4, 3), rand(dtype, 2, 3), 0, 1, 3)
        yield case(op, rand(dtype, 4, 3), rand(dtype, 4, 2), -1, 0, None, 2)
    yield case(op, rand(F32, 5), rand(F32, 5))
    yield case(op, rand(F32, 5), rand(F32, 2), 0, -2)
    yield case(op, rand(F32, 5), rand(F32, 3), 0, 0, 100, 2)
    yield case(op, rand(F32, 5), rand(F32, 0), 0, 3, 1)
    yield case(op, rand(F32, 2, 4, 2), rand(F32, 2, 2, 2), 1, 1, 3)
    for source, *rest in (
        (rand(F32, 3), 0, 0, 2),
        (rand(F64, 2), 0, 0, 2),
        (rand(F32, 2), 0, 0, 2, 0),
        (rand(F32, 2), 1, 0, 2),
    ):
        yield case(op, rand(F32, 5), source, *rest, outs=[Out(F32, [5])])


@register("repeat_interleave.Tensor_out")
def repeat_interleave(op):
    for dtype in (I64, I32):
        for counts in ([1, 2, 3], [0], [2], [0, 0, 3], [5, 0, 1]):
            tensor = torch.tensor(counts, dtype=dtype)
            yield case(op, tensor)
            yield case(op, tensor, outs=[Out(dtype, [sum(counts)])])
            yield case(op, tensor, output_size=sum(counts))
        yield case(op, torch.zeros(0, dtype=dtype))
    yield case(op, torch.tensor([1, 2]), output_size=7, outs=[Out(I64, [7])])
    yield case(op, torch.tensor([1, -2]), outs=[Out(I64, [3])])
    yield case(op, torch.tensor([[1, 2]]), outs=[Out(I64, [3])])
    yield case(op, torch.tensor([1.0, 2.0]), outs=[Out(I64, [3])])
    yield case(op, torch.tensor([1, 2], dtype=U8), outs=[Out(I64, [3])])
