"""Cases from PyTorch's own samples: what its OpInfo database calls, as operators of the dispatcher see it."""

import itertools
import random

import torch
from corpus_case import schema_of
from corpus_make import case, functional
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

OTHER_NAMES = {
    "_softmax": ["softmax"], "_log_softmax": ["log_softmax"], "convolution": ["conv1d", "conv2d", "conv_transpose2d"],
    "convolution_backward": [], "_native_batch_norm_legit_no_training": ["batch_norm"], "_to_copy": ["to", "float",
        "int"],
    "_adaptive_avg_pool2d": ["adaptive_avg_pool2d"], "_cdist_forward": ["cdist"], "_pdist_forward": ["pdist"],
    "_fft_r2c": ["rfft", "rfft2"], "_fft_c2r": ["irfft"], "max_pool2d_with_indices": ["max_pool2d"],
    "upsample_bilinear2d": ["interpolate"], "upsample_nearest2d": ["interpolate"],
        "_upsample_bilinear2d_aa": ["interpolate"],
    "grid_sampler_2d": ["grid_sample"], "constant_pad_nd": ["pad"], "reflection_pad1d": ["pad"],
        "reflection_pad2d": ["pad"],
    "reflection_pad3d": ["pad"], "replication_pad1d": ["pad"], "replication_pad2d": ["pad"],
        "replication_pad3d": ["pad"],
    "slice_copy": ["__getitem__", "slice"], "index": ["__getitem__"], "bitwise_and": ["__rand__", "bitwise_and"],
    "native_group_norm": ["group_norm"], "copy": ["copy"], "mm": ["mm", "matmul"], "bmm": ["bmm", "matmul"],
    "view_copy": ["view", "reshape"], "clone": ["clone", "contiguous"], "select_copy": ["select"], "sum": ["sum",
        "nansum"],
    "scalar_tensor": ["scalar_tensor"], "embedding": ["embedding"], "cat": ["cat", "hstack"], "stack": ["stack"],
}  # fmt: skip
DTYPES = [torch.float32, torch.int64, torch.bool, torch.bfloat16]
SAMPLES, ELEMENTS = 30, 300


class Recorder(TorchDispatchMode):
    """Keeps the calls of one operator."""

    def __init__(self, wanted):
        super().__init__()
        self.wanted, self.calls = wanted, []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function in self.wanted:
            self.calls.append((function, args, kwargs or {}))
        return function(*args, **(kwargs or {}))


def targets(op: str) -> list:
    """The functional overload, and the view that a `_copy` copies."""
    function = functional(op)
    if function is None:
        return []
    found = [function]
    base = function._overloadpacket.__name__
    if base.endswith("_copy"):
        packet = getattr(torch.ops.aten, base.removesuffix("_copy"), None)
        if packet is not None and function._overloadname in packet.overloads():
            found.append(getattr(packet, function._overloadname))
    return found


def captured(op: str):
    if not op.startswith("aten::"):
        return
    from torch.testing._internal.common_methods_invocations import op_db

    wanted = targets(op)
    if not wanted or "rand" in op or "empty" in op or "dropout" in op:
        return
    base = op[6:].partition(".")[0]
    names = OTHER_NAMES.get(base, [base, base.removesuffix("_copy")])
    seen = set()
    for info in op_db:
        if info.name.split(".")[-1] not in names or info.name.startswith("_refs"):
            continue
        for dtype in DTYPES:
            if dtype not in info.dtypes:
                continue
            torch.manual_seed(1)
            random.seed(1)
            try:
                samples = list(itertools.islice(info.sample_inputs("cpu", dtype, requires_grad=False), SAMPLES))
            except Exception:
                continue
            for sample in samples:
                recorder = Recorder(wanted)
                try:
                    with recorder, torch.no_grad():
                        info(sample.input, *sample.args, **sample.kwargs)
                except Exception:
                    continue
                for function, args, named in recorder.calls[:2]:
                    made = rebuilt(op, function, args, named)
                    if made is not None and made.label not in seen:
                        seen.add(made.label)
                        yield made


def rebuilt(op, function, args, named):
    """The call as a case: tensors copied and dense, arguments that the out variant lacks left out."""

    def dense(tensor):
        return tensor.detach().clone(memory_format=torch.contiguous_format).resolve_conj()

    if any(
        t.numel() > ELEMENTS or t.layout != torch.strided
        for t in pytree.tree_leaves((args, named))
        if isinstance(t, torch.Tensor)
    ):
        return None
    args, named = pytree.tree_map_only(torch.Tensor, dense, (list(args), dict(named)))
    given = {a.name: value for a, value in zip(function._schema.arguments, args)} | named
    known = {a.name: a.default_value for a in schema_of(op).arguments if not a.is_out}
    try:
        values = [given.get(name, default) for name, default in known.items()]
        values = [number(value) for value in values]
        dtype = given.get("dtype") if "dtype" not in known else None
        return case(op, *values, dtype=dtype)
    except Exception:
        return None


def number(value):
    if isinstance(value, complex):
        raise TypeError("complex scalars have no place in a program")
    return list(value) if isinstance(value, (tuple, torch.Size)) else value
