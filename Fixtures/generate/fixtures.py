"""Which fixtures there are: a model, how it is lowered, and the traces recorded of it."""

from dataclasses import dataclass, field

import torch
from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS, PreluConfig
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

import models
import odd_models
import published
from lower import Model
from trace import Trace, repeat


@dataclass
class Fixture:
    name: str
    model: Model
    lowerings: list[str]
    traces: list[Trace]
    leave_out: dict[str, set[str]] = field(default_factory=dict)
    """Files made for the answers but not kept, by lowering: copies of the same weights."""
    large: bool = False


USUAL = [Trace("time", repeat(25)), Trace("values", repeat(2), values=True)]


ALL = ["portable", "xnnpack", "xnnpack-int8"]
BUNDLE = {"model.bpte"}  # the program once more, with its inputs: not worth twice the weights of a larger model
NO_BUNDLE = {lowering: BUNDLE for lowering in ALL}
ONE_BUNDLE = {"xnnpack": BUNDLE, "xnnpack-int8": BUNDLE}


def random(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def mobilenet(width: float, classes: int, head: int):
    def build() -> torch.nn.Module:
        model = models.MobileNetV2(width, classes, head)
        models.settle_batch_norms(model)
        return model

    return build


def two_cases(*shape: int):
    return lambda: {"forward": [(random(1, *shape),), (random(2, *shape),)]}


FIXTURES = [
    Fixture("mobilenet_v2", Model(mobilenet(0.25, 10, 192), two_cases(1, 3, 96, 96)), ALL, USUAL, NO_BUNDLE),
    Fixture("lstm", Model(models.SequenceTagger, two_cases(1, 8, 16)), ALL + ["portable-int8"], USUAL),
]


# Published models ------------------------------------------------------------


def chord(seed: int, samples: int) -> torch.Tensor:
    """A harmonic sound with a little noise, 16 kHz."""
    time = torch.arange(samples) / 16000
    pitch = 110.0 * (1 + seed)
    tone = sum(torch.sin(2 * torch.pi * pitch * n * time) / n for n in range(1, 9))
    return (0.2 * tone + 0.01 * random(seed, samples)).unsqueeze(0)


def picture(seed: int, side: int) -> torch.Tensor:
    """A smooth picture in MTCNN's range, -1 … 1."""
    coarse = random(seed, 1, 3, 6, 6)
    return torch.tanh(torch.nn.functional.interpolate(coarse, (side, side), mode="bilinear", align_corners=True))


def pictures(side: int):
    return lambda: {"forward": [(picture(1, side),), (picture(2, side),)]}


def frames() -> dict:
    """CREPE wants each frame centred and scaled."""
    cases = []
    for seed in (1, 2):
        frame = chord(seed, 1024)
        cases.append(((frame - frame.mean()) / frame.std(),))
    return {"forward": cases}


def speech() -> dict:
    return {"forward": [(chord(1, 576), torch.zeros(2, 1, 128)), (chord(2, 576), 0.1 * random(3, 2, 1, 128))]}


class PicturePrelu(PreluConfig):
    """XNNPACK's layout pass of 1.5.1 fails on a PReLU after a linear layer: "non-NHWC compatible node"."""

    def check_constraints(self, node, program) -> bool:
        return node.meta["val"].dim() == 4 and super().check_constraints(node, program)


def prelu_on_pictures() -> list:
    configs = [PicturePrelu if config is PreluConfig else config for config in ALL_PARTITIONER_CONFIGS]
    return [XnnpackPartitioner(configs=configs)]


FIXTURES += [
    Fixture("pnet", Model(published.mtcnn("PNet"), pictures(48), extra_graph="edge_before_partition"), ALL + ["portable-int8"], USUAL),
    Fixture("rnet", Model(published.mtcnn("RNet"), pictures(24), partitioner=prelu_on_pictures), ALL, USUAL, ONE_BUNDLE),
    Fixture("crepe_tiny", Model(published.crepe, frames), ALL, USUAL, NO_BUNDLE),
    Fixture("silero_vad", Model(published.silero, speech), ALL, USUAL, NO_BUNDLE),
]


# A decoder: one prefill, then token after token ---------------------------------


def tokens(start: int, count: int) -> tuple:
    return (torch.arange(start, start + count).mul(7).add(3).remainder(96).unsqueeze(0), torch.arange(start, start + count))


PROMPT = 12


def generation(count: int):
    """A prefill of the prompt, then `count` decode steps."""
    return lambda _: [("forward", tokens(0, PROMPT))] + [("forward", tokens(PROMPT + step, 1)) for step in range(count)]


STEPS = torch.export.Dim("steps", min=1, max=32)

FIXTURES += [
    Fixture(
        "llama",
        Model(
            models.Llama,
            lambda: {"forward": [tokens(0, PROMPT), tokens(0, 5)]},
            dynamic_shapes=({1: STEPS}, {0: STEPS}),
            dynamic_quantization=True,
        ),
        ALL,
        [
            Trace("time", generation(40), stateless=False),
            Trace("values", generation(0), values=True),
            Trace("values_decode", generation(3), values=True, stateless=False),
        ],
        ONE_BUNDLE,
    ),
]


# Odd ones, each for one thing -----------------------------------------------------


def alternately(*cases: int, times: int = 1):
    """`forward` with these bundled cases, one after the other."""
    return lambda inputs: [("forward", inputs["forward"][case]) for _ in range(times) for case in cases]


def methods(*names: str, times: int = 10):
    return lambda inputs: [(name, inputs[name][0]) for _ in range(times) for name in names]


def two_methods(first: str, second: str) -> list[Trace]:
    return [
        Trace(first, methods(first)),
        Trace(second, methods(second)),
        Trace("both", methods(first, second)),
        Trace("values", methods(first, second, times=1), values=True),
    ]


def branches() -> dict:
    return {"forward": [(random(1, 5, 10), torch.tensor(True)), (random(2, 5, 10), torch.tensor(False))]}


def numbers() -> dict:
    cases = []
    for seed in (1, 2):
        wide = torch.arange(6).mul(seed).remainder(10)
        narrow = torch.arange(-3, 3, dtype=torch.int32).mul(1000 * seed)
        cases.append((wide, narrow, torch.arange(6, dtype=torch.uint8), wide.remainder(2) == 0, random(seed, 6).double()))
    return {"forward": cases}


def lengths(*counts: int):
    return lambda _: [("forward", (random(count, count, 16),)) for count in counts]


def fails_at_last(inputs: dict) -> list:
    """Two good calls, then one that asks for a row that is not there: `Method::execute` never ends."""
    good = inputs["forward"][0]
    return [("forward", good), ("forward", good), ("forward", (torch.tensor([1, 7]),))]


def refused_at_last(inputs: dict) -> list:
    """Two good calls, then one whose input has the wrong shape: no call begins, so nothing is recorded."""
    good = inputs["forward"][0]
    return [("forward", good), ("forward", good), ("forward", (torch.tensor([1, 2, 3]),))]


def low(dtype: torch.dtype) -> Model:
    return Model(lambda: odd_models.LowPrecision(dtype), lambda: {"forward": [(random(1, 2, 8).to(dtype),)]}, bundle=False)


TINY = Model(odd_models.Tiny, two_cases(1, 6))
PATCHWORK = Model(odd_models.Patchwork, two_cases(1, 3, 20, 20))

FIXTURES += [
    Fixture(
        "multi_method",
        Model(odd_models.encode_decode, lambda: {"encode": [(random(1, 2, 12),)], "decode": [(random(2, 2, 8),)]}),
        ["portable", "xnnpack"],
        two_methods("encode", "decode"),
    ),
    Fixture(
        "forward_backbone",
        Model(odd_models.forward_backbone, lambda: {name: [(random(3, 1, 3, 16, 16),)] for name in ("forward", "backbone")}),
        ["portable"],
        two_methods("forward", "backbone"),
    ),
    Fixture(
        "control_flow",
        Model(odd_models.Branches, branches),
        ["portable"],
        [
            Trace("time", alternately(0, 1, 1, times=8)),
            Trace("deep", alternately(0, times=10)),
            Trace("quick", alternately(1, times=10)),
            Trace("values", alternately(0, 1), values=True),
        ],
    ),
    Fixture(
        "wrong_results",
        Model(odd_models.LoopAfterBranches, branches),
        ["portable"],
        [Trace("time", alternately(0, 1, times=5)), Trace("values", alternately(0), values=True)],
    ),
    Fixture(
        "dynamic_shapes",
        Model(
            odd_models.Pooled,
            lambda: {"forward": [(random(1, 7, 16),), (random(2, 32, 16),)]},
            dynamic_shapes=({0: torch.export.Dim("tokens", min=2, max=32)},),
        ),
        ["portable", "xnnpack"],
        [
            Trace("time", lengths(*[2, 8, 32, 16] * 6)),
            Trace("values", repeat(2), values=True),
            Trace("values_sizes", lengths(2, 8, 32), values=True),
        ],
    ),
    Fixture("mixed_delegates", PATCHWORK, ["xnnpack", "xnnpack-int8"], USUAL),
    Fixture(
        "number_types",
        Model(odd_models.NumberTypes, numbers),
        ["portable"],
        [Trace("time", repeat(25)), Trace("values", repeat(2), values=True, zeros=True)],
    ),
    Fixture("half", low(torch.float16), ["portable"], USUAL),
    Fixture("bfloat16", low(torch.bfloat16), ["portable"], USUAL),
    Fixture("runs_137", TINY, ["portable"], [Trace("time", repeat(137))]),
    Fixture("runs_1000", TINY, ["portable"], [Trace("time", repeat(1000))]),
    Fixture("runs_xnnpack", Model(published.mtcnn("PNet"), pictures(48)), ["xnnpack"], [Trace("time", repeat(120))]),
    Fixture(
        "failing_run",
        Model(odd_models.Lookup, lambda: {"forward": [(torch.tensor([1, 4]),), (torch.tensor([0, 3]),)]}),
        ["portable"],
        [
            Trace("time", fails_at_last, fails=True),
            Trace("refused", refused_at_last, fails=True),
            Trace("values", fails_at_last, values=True, fails=True),
        ],
    ),
]


# ETRecords of older exporters --------------------------------------------------------

FIXTURES += [
    Fixture(
        "old_etrecord",
        Model(lambda: odd_models.Detector(odd_models.Backbone()), lambda: {"forward": [(random(3, 1, 3, 16, 16),)]}),
        ["executorch-0.7.0", "executorch-1.0.1", "executorch-1.0.1-bundled"],
        USUAL,
    ),
]


# Not committed: --large ----------------------------------------------------------------

FIXTURES += [
    Fixture(
        "mobilenet_v2_large",
        Model(mobilenet(1.0, 1000, 1280), two_cases(1, 3, 224, 224)),
        ["portable", "xnnpack"],
        [Trace("time", repeat(30)), Trace("values", repeat(1), values=True, buffer=256 << 20)],
        large=True,
    ),
]
