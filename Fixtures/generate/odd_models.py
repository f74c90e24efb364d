"""Small models, each for one oddity of programs or traces."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


# Two methods in one program ---------------------------------------------------


class Encode(nn.Module):
    def __init__(self, features: int = 12, code: int = 8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(features, 24), nn.Tanh(), nn.Linear(24, code))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(self.layers(x), dim=-1)


class Decode(nn.Module):
    def __init__(self, features: int = 12, code: int = 8):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(code, 24), nn.GELU(), nn.Linear(24, features))

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor]:
        y = self.layers(code)
        return y, torch.softmax(y, dim=-1)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 12, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        return F.relu(self.second(x))


class Detector(nn.Module):
    """What `forward` runs: the backbone and a head."""

    def __init__(self, backbone: Backbone):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.backbone(x)
        return self.head(x.mean(dim=(2, 3)))


def encode_decode() -> dict[str, nn.Module]:
    return {"encode": Encode(), "decode": Decode()}


def forward_backbone() -> dict[str, nn.Module]:
    backbone = Backbone()
    return {"forward": Detector(backbone), "backbone": backbone}


# Control flow -----------------------------------------------------------------


class Row(nn.Module):
    """What a loop does with one row."""

    def forward(self, values: Tensor, weight: Tensor) -> Tensor:
        return torch.sin(values) * weight + values


class Branches(nn.Module):
    """A loop over rows, then one of two branches."""

    def __init__(self, dim: int = 10):
        super().__init__()
        self.enter = nn.Linear(dim, dim)
        self.row = Row()
        self.weight = nn.Parameter(torch.randn(dim))
        self.deep = nn.Sequential(nn.Linear(dim, 32), nn.GELU(), nn.Linear(32, dim))
        self.shallow = nn.Linear(dim, dim)

    def loop(self, x: Tensor) -> Tensor:
        return torch._higher_order_ops.map(self.row, x, self.weight)

    def choose(self, x: Tensor, deep: Tensor) -> Tensor:
        def thorough(x: Tensor) -> Tensor:
            return torch.tanh(self.deep(x))

        def quick(x: Tensor) -> Tensor:
            return torch.relu(self.shallow(x))

        return torch.cond(deep, thorough, quick, (x,))

    def forward(self, x: Tensor, deep: Tensor) -> tuple[Tensor, Tensor]:
        x = self.enter(x)
        y = self.choose(self.loop(x), deep)
        return y, y.sum(dim=0)


class LoopAfterBranches(Branches):
    """The other way round, which executorch 1.5.1 compiles to a program with wrong results."""

    def forward(self, x: Tensor, deep: Tensor) -> Tensor:
        x = self.enter(x)
        return self.loop(self.choose(x, deep))


# A bounded dynamic dimension ----------------------------------------------------


class Pooled(nn.Module):
    """Any number of tokens up to a bound, weighted and averaged."""

    def __init__(self, dim: int = 16):
        super().__init__()
        self.embed = nn.Linear(dim, 2 * dim)
        self.weigh = nn.Linear(2 * dim, 1)
        self.score = nn.Linear(2 * dim, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.silu(self.embed(x))
        weights = torch.softmax(self.weigh(h), dim=0)
        return self.score((h * weights).sum(dim=0)), torch.cat((h, h.flip(0)), dim=1)


# A few operators, run very often --------------------------------------------------


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.linear(x)) * 2.0


# Several delegates with other operators between them --------------------------------


class Stage(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Between(nn.Module):
    """Operators that XNNPACK does not take."""

    def forward(self, x: Tensor) -> Tensor:
        running = torch.cumsum(x, dim=2)
        return torch.erf(running * 0.1) + torch.remainder(x, 0.7)


class Patchwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.entry = Stage(3, 8)
        self.between = Between()
        self.middle = Stage(8, 16)
        self.exit = Stage(16, 16)
        self.head = nn.Linear(16, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.entry(x)
        x = self.between(x)
        x = x.to(memory_format=torch.channels_last)
        x = self.middle(x)
        x = x.contiguous()
        x, order = torch.topk(x, 12, dim=3)
        x = self.exit(x)
        return self.head(x.mean(dim=(2, 3))), order


# Other number types -------------------------------------------------------------------


class NumberTypes(nn.Module):
    """Integers, booleans and doubles, in and out; scalars beside tensors."""

    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.arange(20, dtype=torch.int64).reshape(10, 2))

    def forward(self, wide: Tensor, narrow: Tensor, bytes_: Tensor, mask: Tensor, exact: Tensor):
        looked_up = self.table[wide]
        counted = narrow + narrow.shape[0]
        inverted = torch.bitwise_not(bytes_)
        larger = torch.logical_and(exact > 0.25, mask)
        picked = torch.where(larger, exact, -exact)
        position = torch.argmax(picked, dim=0)
        return looked_up, counted, inverted, larger, picked, position, wide.to(torch.float32).sum()


class LowPrecision(nn.Module):
    """A linear layer in half precision or bfloat16."""

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.linear = nn.Linear(8, 4).to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.linear(x)) + x[:, :4]


# A call that fails half-way ---------------------------------------------------------


class Lookup(nn.Module):
    """Fails in its second operator when a row is asked for that the table does not have."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.linear = nn.Linear(4, 3)

    def forward(self, rows: Tensor) -> Tensor:
        x = self.embedding(rows * 2)
        return torch.tanh(self.linear(x))
