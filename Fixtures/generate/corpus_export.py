"""Programs of one operator that the exporter itself made."""

import torch
from corpus_case import Case, text_of
from executorch.exir import EdgeCompileConfig, to_edge_transform_and_lower
from torch.export import Dim, export


def f(*shape):
    return torch.rand(shape) * 4 - 2


def whole(*values):
    return torch.tensor(values)


image = lambda: f(1, 2, 4, 4)
MODELS = {
    "aten::add.out": (lambda x, y: torch.add(x, y, alpha=2), lambda: (f(2, 3), f(3))),
    "aten::sub.out": (lambda x, y: x - y, lambda: (f(2, 3), whole(1, 2, 3))),
    "aten::mul.out": (lambda x, y: x * y, lambda: (f(2, 3).half(), f(2, 1).half())),
    "aten::div.out": (lambda x, y: x / y, lambda: (whole(5, 7), whole(2, 3))),
    "aten::div.out_mode": (lambda x, y: torch.div(x, y, rounding_mode="floor"), lambda: (f(4), f(4))),
    "aten::maximum.out": (torch.maximum, lambda: (f(4), f(4))),
    "aten::eq.Scalar_out": (lambda x: x == 2, lambda: (whole(1, 2, 3),)),
    "aten::lt.Tensor_out": (lambda x, y: x < y, lambda: (f(2, 3), f(3))),
    "aten::logical_not.out": (torch.logical_not, lambda: (whole(0, 1, 2),)),
    "aten::clamp.out": (lambda x: torch.clamp(x, -1, 1), lambda: (f(5),)),
    "aten::where.self_out": (torch.where, lambda: (f(2, 3) > 0, f(2, 3), f(3))),
    "aten::gelu.out": (torch.nn.functional.gelu, lambda: (f(2, 5),)),
    "aten::relu.out": (torch.relu, lambda: (f(2, 5),)),
    "aten::sigmoid.out": (torch.sigmoid, lambda: (f(2, 5),)),
    "aten::hardtanh.out": (torch.nn.functional.relu6, lambda: (f(7) * 5,)),
    "aten::elu.out": (torch.nn.functional.elu, lambda: (f(7),)),
    "aten::leaky_relu.out": (torch.nn.functional.leaky_relu, lambda: (f(7),)),
    "aten::exp.out": (torch.exp, lambda: (f(3),)),
    "aten::sin.out": (torch.sin, lambda: (f(3).double(),)),
    "aten::neg.out": (torch.neg, lambda: (f(3).bfloat16(),)),
    "aten::pow.Tensor_Scalar_out": (lambda x: x**2, lambda: (f(3),)),
    "aten::sum.IntList_out": (lambda x: x.sum(1, keepdim=True), lambda: (f(3, 4),)),
    "aten::mean.out": (lambda x: x.mean((0, 2)), lambda: (f(3, 4, 2),)),
    "aten::amax.out": (lambda x: x.amax(-1), lambda: (f(3, 4),)),
    "aten::argmax.out": (lambda x: x.argmax(1), lambda: (f(3, 4),)),
    "aten::max.dim_max": (lambda x: tuple(torch.max(x, 1)), lambda: (f(3, 4),)),
    "aten::var.correction_out": (lambda x: x.var(1), lambda: (f(3, 4),)),
    "aten::cumsum.out": (lambda x: x.cumsum(0), lambda: (f(3, 4),)),
    "aten::topk.values": (lambda x: tuple(torch.topk(x, 2)), lambda: (f(3, 4),)),
    "aten::_softmax.out": (lambda x: torch.softmax(x, -1), lambda: (f(3, 4),)),
    "aten::_log_softmax.out": (lambda x: torch.log_softmax(x, 0), lambda: (f(3, 4),)),
    "aten::native_layer_norm.out": (lambda x: torch.nn.functional.layer_norm(x, [4]), lambda: (f(3, 4),)),
    "aten::native_group_norm.out": (lambda x: torch.nn.functional.group_norm(x, 2), lambda: (f(2, 4, 3),)),
    "aten::mm.out": (torch.mm, lambda: (f(2, 3), f(3, 4))),
    "aten::bmm.out": (torch.bmm, lambda: (f(2, 2, 3), f(2, 3, 4))),
    "aten::addmm.out": (torch.addmm, lambda: (f(4), f(2, 3), f(3, 4))),
    "aten::convolution.out": (lambda x, w, b: torch.conv2d(x, w, b, padding=1), lambda: (image(), f(3, 2, 3, 3), f(3))),
    "aten::avg_pool2d.out": (lambda x: torch.nn.functional.avg_pool2d(x, 2), lambda: (image(),)),
    "aten::max_pool2d_with_indices.out": (
        lambda x: torch.nn.functional.max_pool2d(x, 2, return_indices=True), lambda: (image(),)),
    "aten::pixel_shuffle.out": (lambda x: torch.pixel_shuffle(x, 2), lambda: (f(1, 4, 2, 2),)),
    "aten::constant_pad_nd.out": (lambda x: torch.nn.functional.pad(x, (1, 2)), lambda: (f(2, 3),)),
    "aten::embedding.out": (lambda w, i: torch.nn.functional.embedding(i, w), lambda: (f(5, 3), whole(4, 0, 2))),
    "aten::cat.out": (lambda x, y: torch.cat([x, y], 1), lambda: (f(2, 3), f(2, 1))),
    "aten::stack.out": (lambda x, y: torch.stack([x, y]), lambda: (f(2, 3), f(2, 3))),
    "aten::split_with_sizes_copy.out": (lambda x: tuple(torch.split(x, [1, 3], 1)), lambda: (f(2, 4),)),
    "aten::unbind_copy.int_out": (lambda x: tuple(torch.unbind(x)), lambda: (f(2, 4),)),
    "aten::permute_copy.out": (lambda x: x.permute(2, 0, 1), lambda: (f(2, 3, 4),)),
    "aten::slice_copy.Tensor_out": (lambda x: x[:, 1:], lambda: (f(2, 4),)),
    "aten::select_copy.int_out": (lambda x: x[1], lambda: (f(2, 4),)),
    "aten::expand_copy.out": (lambda x: x.expand(2, 3), lambda: (f(1, 3),)),
    "aten::unsqueeze_copy.out": (lambda x: x.unsqueeze(1), lambda: (f(2, 3),)),
    "aten::squeeze_copy.dims_out": (lambda x: x.squeeze(1), lambda: (f(2, 1, 3),)),
    "aten::index.Tensor_out": (lambda x, i: x[:, i], lambda: (f(2, 4), whole(3, 0))),
    "aten::index_put.out": (lambda x, i, v: torch.index_put(x, (i,), v), lambda: (f(4, 2), whole(3, 0), f(2, 2))),
    "aten::index_select.out": (lambda x, i: torch.index_select(x, 0, i), lambda: (f(4, 2), whole(3, 0))),
    "aten::gather.out": (lambda x, i: torch.gather(x, 1, i), lambda: (f(2, 3), torch.tensor([[0, 2], [1, 1]]))),
    "aten::scatter.src_out": (
        lambda x, i, s: torch.scatter(x, 0, i, s), lambda: (f(3, 2), torch.tensor([[0, 2]]), f(1, 2))),
    "aten::full_like.out": (lambda x: torch.full_like(x, 3), lambda: (f(2, 3),)),
    "aten::repeat.out": (lambda x: x.repeat(2, 2), lambda: (f(2, 3),)),
    "aten::flip.out": (lambda x: torch.flip(x, [0]), lambda: (f(2, 3),)),
    "aten::tril.out": (torch.tril, lambda: (f(3, 3),)),
    "aten::masked_fill.Scalar_out": (lambda x, m: x.masked_fill(m, 9.0), lambda: (f(2, 3), f(2, 3) > 0)),
    "dim_order_ops::_to_dim_order_copy.out": (lambda x: x.to(torch.float64), lambda: (f(2, 3),)),
    "dim_order_ops::_clone_dim_order.out": (
        lambda x: x.clone(memory_format=torch.channels_last), lambda: (image(),)),
}  # fmt: skip


class Model(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *tensors):
        return self.function(*tensors)


def exported(op: str):
    """The operator with fixed shapes, and with a first dimension that may vary."""
    if op not in MODELS:
        return
    function, make = MODELS[op]
    inputs = make()
    free = {0: Dim("n", max=16)}
    for dynamic in (False, True):
        shapes = None
        if dynamic:
            shapes = (tuple(free if i == 0 else None for i in range(len(inputs))),)
        try:
            program = export(Model(function), inputs, dynamic_shapes=shapes)
            config = EdgeCompileConfig(_check_ir_validity=False)
            buffer = to_edge_transform_and_lower(program, compile_config=config).to_executorch().buffer
        except Exception:
            continue
        operators = operators_of(buffer)
        if f"{op}" not in operators or not set(operators) <= {op, "aten::sym_size.int"}:
            continue
        label = " ".join(map(text_of, inputs)) + (" dynamic" if dynamic else "")
        yield Case(op, [], [], label=label, program=bytes(buffer), inputs=list(inputs), exported=True)


def operators_of(buffer: bytes) -> list[str]:
    from executorch.exir._serialize._program import deserialize_pte_binary

    plan = deserialize_pte_binary(buffer).program.execution_plan[0]
    return [f"{o.name}.{o.overload}".removesuffix(".") for o in plan.operators]
