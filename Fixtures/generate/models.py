"""The models whose weights we make ourselves: seeded, so the same everywhere."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


# MobileNetV2 ---------------------------------------------------------------


class ConvNormActivation(nn.Sequential):
    """A convolution, its batch norm and a ReLU6."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1):
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU6(inplace=False),
        )


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow again; add the input when shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        self.expand = ConvNormActivation(inputs, hidden, kernel=1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNormActivation(hidden, hidden, stride=stride, groups=hidden)
        self.project = nn.Conv2d(hidden, outputs, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand(x)
        y = self.depthwise(y)
        y = self.project(y)
        y = self.norm(y)
        if self.adds:
            y = x + y
        return y


class Classifier(nn.Module):
    """Average over the picture, then one linear layer."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.dropout = nn.Dropout(0.2)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(x, 1)
        x = torch.flatten(x, 1)
        x = self.dropout(x)
        return self.linear(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 (Sandler et al., 2018), written from the paper's table 2."""

    # expansion, channels, repeats, stride
    STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))

    def __init__(self, width: float, classes: int, head: int):
        super().__init__()

        def scaled(channels: int) -> int:
            rounded = max(8, int(channels * width + 4) // 8 * 8)
            return rounded + 8 if rounded < 0.9 * channels * width else rounded

        channels = scaled(32)
        self.stem = ConvNormActivation(3, channels, stride=2)
        stages = []
        for expansion, wide, repeats, stride in self.STAGES:
            blocks = []
            for index in range(repeats):
                blocks.append(InvertedResidual(channels, scaled(wide), stride if index == 0 else 1, expansion))
                channels = scaled(wide)
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.head = ConvNormActivation(channels, head, kernel=1)
        self.classifier = Classifier(head, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        x = self.head(x)
        return self.classifier(x)


def settle_batch_norms(model: nn.Module) -> None:
    """Gives batch norms statistics that differ from zero and one, as training would."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.3, 1.2)
            nn.init.uniform_(module.weight, 0.8, 1.6)
            nn.init.uniform_(module.bias, -0.1, 0.4)


# LSTM ----------------------------------------------------------------------


class Recurrent(nn.Module):
    """Two stacked LSTM layers."""

    def __init__(self, features: int, hidden: int):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.lstm(x)
        return y


class SequenceTagger(nn.Module):
    """Normalises each step, runs the LSTM, scores every step."""

    def __init__(self, features: int = 16, hidden: int = 24, tags: int = 6):
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.recurrent = Recurrent(features, hidden)
        self.score = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, tags))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x)
        x = self.recurrent(x)
        x = self.score(x)
        return torch.log_softmax(x, dim=-1)


# A small Llama -------------------------------------------------------------


class RMSNorm(nn.Module):
    def __init__(self, dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        scale = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5)
        return x * scale * self.weight


class KeyValueCache(nn.Module):
    """Keys and values of every position so far, kept in mutable buffers."""

    def __init__(self, heads: int, length: int, dim: int):
        super().__init__()
        self.register_buffer("keys", torch.zeros(1, heads, length, dim))
        self.register_buffer("values", torch.zeros(1, heads, length, dim))

    def forward(self, positions: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        self.keys.index_copy_(2, positions, keys)
        self.values.index_copy_(2, positions, values)
        return self.keys, self.values


class Attention(nn.Module):
    """Grouped-query attention with rotary positions."""

    def __init__(self, dim: int, heads: int, kv_heads: int, length: int):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, dim // heads
        self.wq = nn.Linear(dim, heads * self.head_dim, bias=False)
        self.wk = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wv = nn.Linear(dim, kv_heads * self.head_dim, bias=False)
        self.wo = nn.Linear(heads * self.head_dim, dim, bias=False)
        self.cache = KeyValueCache(kv_heads, length, self.head_dim)

    @staticmethod
    def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        even, odd = x.chunk(2, dim=-1)
        return torch.cat((even * cos - odd * sin, even * sin + odd * cos), dim=-1)

    def forward(self, x: Tensor, positions: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        steps = x.shape[1]
        q = self.wq(x).view(1, steps, self.heads, self.head_dim).transpose(1, 2)
        k = self.wk(x).view(1, steps, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.wv(x).view(1, steps, self.kv_heads, self.head_dim).transpose(1, 2)
        q = self.rotate(q, cos, sin)
        k = self.rotate(k, cos, sin)
        k, v = self.cache(positions, k, v)
        start = positions[0].item()
        torch._check(start >= 0)
        torch._check(start + steps <= k.shape[2])
        k = k.narrow(2, 0, start + steps)
        v = v.narrow(2, 0, start + steps)
        mask = mask.narrow(1, 0, start + steps)
        k = k.repeat_interleave(self.heads // self.kv_heads, dim=1)
        v = v.repeat_interleave(self.heads // self.kv_heads, dim=1)
        scores = torch.matmul(q, k.transpose(2, 3)) * self.head_dim**-0.5 + mask
        y = torch.matmul(torch.softmax(scores, dim=-1), v)
        return self.wo(y.transpose(1, 2).reshape(1, steps, -1))


class FeedForward(nn.Module):
    def __init__(self, dim: int, hidden: int):
        super().__init__()
        self.w1 = nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)
        self.w3 = nn.Linear(dim, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate = F.silu(self.w1(x))
        return self.w2(gate * self.w3(x))


class Block(nn.Module):
    def __init__(self, dim: int, heads: int, kv_heads: int, hidden: int, length: int):
        super().__init__()
        self.attention_norm = RMSNorm(dim)
        self.attention = Attention(dim, heads, kv_heads, length)
        self.ffn_norm = RMSNorm(dim)
        self.feed_forward = FeedForward(dim, hidden)

    def forward(self, x: Tensor, positions: Tensor, cos: Tensor, sin: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), positions, cos, sin, mask)
        return x + self.feed_forward(self.ffn_norm(x))


class Llama(nn.Module):
    """A decoder in the manner of Llama; attends to exactly the positions seen so far."""

    LENGTH = 96

    def __init__(self, vocabulary: int = 96, dim: int = 48, layers: int = 2, heads: int = 4, kv_heads: int = 2, hidden: int = 112):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, dim)
        self.layers = nn.ModuleList(Block(dim, heads, kv_heads, hidden, self.LENGTH) for _ in range(layers))
        self.norm = RMSNorm(dim)
        self.output = nn.Linear(dim, vocabulary, bias=False)
        half = dim // heads // 2
        angles = torch.outer(torch.arange(self.LENGTH).float(), 10000.0 ** (-torch.arange(half).float() / half))
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        mask = torch.full((self.LENGTH, self.LENGTH), float("-inf")).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        x = self.embedding(tokens)
        cos, sin, mask = self.cos[positions], self.sin[positions], self.mask[positions]
        for layer in self.layers:
            x = layer(x, positions, cos, sin, mask)
        x = self.norm(x[:, -1])
        return self.output(x)
