"""Writes the files of this folder.

    python make.py        with numpy 2.4.6, torch 2.13 (see Fixtures/generate/requirements.txt) and safetensors 0.8.0

`TYPE.npy` are NumPy's own bytes, `arrays.npz` and `deflated.npz` its archives, `tensors.safetensors` that library's
file; `values.json` says what is in all of them, as hexadecimal bytes in row-major order. `close.json` has pairs of
tensors, in hexadecimal too, and what torch.testing.assert_close says of them.
"""

import io
import json
import pathlib
import random
import re
import zlib

import numpy as np
import safetensors.torch
import torch

HERE = pathlib.Path(__file__).resolve().parent
CODES = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
values = {}


def array(code, shape, seed=0):
    generator = np.random.default_rng(seed)
    dtype = np.dtype(code)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "f":
        return generator.standard_normal(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, shape, dtype=dtype.newbyteorder("="), endpoint=True).astype(dtype)


def note(file, name, value):
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"))
    values.setdefault(file, []).append(
        {"name": name, "dtype": value.dtype.newbyteorder("=").name, "sizes": list(value.shape), "bytes": little.tobytes().hex()}
    )


def save(file, value, version=None):
    with open(HERE / file, "wb") as out:
        np.lib.format.write_array(out, value, version)
    note(file, "", value)


for code in CODES:
    save(f"{code}.npy", array("<" + code, (2, 3)))
save("big-endian.npy", array(">f8", (2, 2)))
save("big-endian-i2.npy", array(">i2", (5,)))
save("fortran.npy", np.asfortranarray(array("<f4", (2, 3, 4))))
save("fortran-big-endian.npy", np.asfortranarray(array(">u4", (3, 2))))
save("scalar.npy", array("<f4", ()))
save("empty.npy", array("<f4", (0, 3)))
save("vector.npy", array("<i8", (7,)))
save("version2.npy", array("<f4", (2, 2)), (2, 0))
save("version3.npy", array("<f4", (2, 2)), (3, 0))

many = {"mask": array("?", (3, 3)), "x": array("<f4", (2, 5)), "arr_0": np.arange(600, dtype="<i2").reshape(20, 30)}
np.savez(HERE / "arrays.npz", **many)
np.savez_compressed(HERE / "deflated.npz", **many)
for file in ["arrays.npz", "deflated.npz"]:
    for name, value in many.items():
        note(file, name, value)

tensors = {
    "input_10": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3),
    "input_2": torch.tensor([1.5, -2.25, 0.0], dtype=torch.float16),
    "flags": torch.tensor([True, False, True]),
    "wide": torch.tensor([[1, -2], [3, 2**62]]),
    "nothing": torch.zeros(0, 4),
    "scalar": torch.tensor(2.5, dtype=torch.float64),
    "u": torch.tensor([1, 65535], dtype=torch.uint16),
}
safetensors.torch.save_file(tensors, HERE / "tensors.safetensors", metadata={"made": 'by "hand"'})
for name in ["flags", "input_2", "input_10", "nothing", "scalar", "u", "wide"]:
    tensor = tensors[name]
    values.setdefault("tensors.safetensors", []).append(
        {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "sizes": list(tensor.shape),
            "bytes": tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex(),
        }
    )

(HERE / "values.json").write_text(json.dumps(values, indent=0) + "\n")

# Deflate streams of every kind of block, and what they become.
random.seed(1)
texts = [b"", b"a" * 3000, bytes(range(256)) * 2, bytes(random.choices(b"abcdefgh \n", [9, 5, 3, 2, 1, 1, 1, 1, 9, 1], k=3000))]
streams = []
for text in texts:
    for level, strategy in [(0, 0), (1, 0), (9, 0), (9, zlib.Z_FIXED), (9, zlib.Z_HUFFMAN_ONLY), (9, zlib.Z_RLE)]:
        compressor = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
        stream = compressor.compress(text) + compressor.flush()
        streams.append({"stream": stream.hex(), "size": len(text), "crc": zlib.crc32(text)})
(HERE / "deflate.json").write_text(json.dumps(streams, indent=0) + "\n")


# Comparisons.
def hexed(tensor):
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex()


def verdict(actual, expected, **options):
    try:
        torch.testing.assert_close(actual, expected, **options)
        return None
    except AssertionError as error:
        text = str(error)
    number = r"(-?(?:nan|inf|[0-9.e+-]+))"
    index = r"(?: at index \(([^)]*)\))?"
    absolute = re.search(r"bsolute difference: " + number + index, text)
    relative = re.search(r"elative difference: " + number + index, text)
    count = re.search(r"Mismatched elements: (\d+) / (\d+) \(([0-9.]+)%\)", text)

    def found(match):
        place = [int(part) for part in (match[2] or "").split(",") if part.strip()]
        return {"value": match[1], "index": place}

    return {
        "count": int(count[1]) if count else 1,
        "percent": count[3] if count else "100.0",
        "absolute": found(absolute),
        "relative": found(relative),
    }


generator = torch.Generator().manual_seed(7)
picker = random.Random(7)
floats = [torch.float32, torch.float16, torch.bfloat16, torch.float64]
integers = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
specials = [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, 1e-7, 65504.0, 3e38]
cases = []
while len(cases) < 400:
    dtype = picker.choice(floats * 3 + integers)
    shape = picker.choice([(), (1,), (5,), (2, 3), (2, 2, 2), (4, 4), (0,)])
    options = {"equal_nan": picker.random() < 0.5}
    if picker.random() < 0.6:
        options |= picker.choice(
            [{"rtol": 0.0, "atol": 0.0}, {"rtol": 0.1, "atol": 0.0}, {"rtol": 0.0, "atol": 0.01}, {"rtol": 0.01, "atol": 0.1},
             {"rtol": 1e-3, "atol": 1e-3}, {"rtol": 0.3, "atol": 1.0}]
        )
    if dtype.is_floating_point:
        expected = (torch.randn(shape, generator=generator, dtype=torch.float64) * picker.choice([1e-3, 1, 100])).to(dtype)
        noise = torch.randn(shape, generator=generator, dtype=torch.float64) * picker.choice([0, 1e-8, 1e-6, 1e-3, 1e-2, 0.1, 1])
        actual = (expected.double() * (1 + noise) + noise * picker.choice([0, 0.1])).to(dtype)
        if picker.random() < 0.5 and expected.numel():
            for tensor in (actual, expected):
                flat = tensor.view(-1)
                for _ in range(picker.randrange(3)):
                    flat[picker.randrange(flat.numel())] = picker.choice(specials)
            if picker.random() < 0.5:
                place = picker.randrange(expected.numel())
                actual.view(-1)[place] = expected.view(-1)[place] = float("nan")
    else:
        top = 2 if dtype == torch.bool else picker.choice([3, 10, 100])
        low = -top if dtype.is_signed else 0
        expected = torch.randint(low, top, shape, generator=generator).to(dtype)
        actual = torch.where(
            torch.rand(shape, generator=generator) < 0.6, expected, torch.randint(low, top, shape, generator=generator).to(dtype))
    cases.append(
        {
            "dtype": str(dtype).removeprefix("torch."), "sizes": list(shape), "actual": hexed(actual),
            "expected": hexed(expected), **options, "verdict": verdict(actual, expected, **options),
        }
    )

# Pairs at the edge of what is allowed, where each rounding on the way counts, and integers that a float cannot hold.
for dtype in floats + integers[:2]:
    for options in [{"rtol": 0.1, "atol": 0.01}, {"rtol": 0.3, "atol": 1.0}] if dtype.is_floating_point else [{"rtol": 1e-6, "atol": 2.0}, {}]:
        shape = (48,)
        if dtype.is_floating_point:
            expected = (torch.randn(shape, generator=generator, dtype=torch.float64) * 4).to(dtype)
            actual = expected.double() + options["atol"] + options["rtol"] * expected.double().abs()
            ulp = expected.double().abs() * torch.finfo(dtype).eps
            actual = (actual + ulp * torch.randint(-2, 3, shape, generator=generator)).to(dtype)
        else:
            expected = torch.randint(2**24, 2**30, shape, generator=generator).to(dtype)
            actual = expected + torch.randint(-1500, 1500, shape, generator=generator).to(dtype) * torch.randint(0, 2, shape, generator=generator).to(dtype)
            actual[0] = expected[0] + 1
        cases.append(
            {
                "dtype": str(dtype).removeprefix("torch."), "sizes": list(shape), "actual": hexed(actual),
                "expected": hexed(expected), "equal_nan": False, **options, "verdict": verdict(actual, expected, **options),
            }
        )

# Of all half values, those of which one rounding less would allow another difference, each just allowed or just not.
for dtype in [torch.float16, torch.bfloat16]:
    for rtol, atol in [(0.1, 0.01), (0.3, 1.0)]:
        every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(dtype)
        every = every[torch.isfinite(every) & (every.abs() < 100) & (every.abs() > 0.01)]
        allowed = atol + (rtol * every).abs()
        product = torch.tensor(rtol, dtype=torch.float32) * every.float()
        unrounded_product = (product.abs() + torch.tensor(atol).to(dtype).float()).to(dtype)
        unrounded_tolerance = (product.to(dtype).float().abs() + torch.tensor(atol)).to(dtype)
        actual = (every.float() + torch.maximum(allowed, torch.maximum(unrounded_product, unrounded_tolerance)).float()).to(dtype)
        error = (actual - every).abs()
        telling = ((error <= allowed) != (error <= unrounded_product)) | ((error <= allowed) != (error <= unrounded_tolerance))
        places = telling.nonzero()[:, 0][:: max(1, int(telling.sum()) // 24)][:24]
        actual, expected, options = actual[places], every[places], {"rtol": rtol, "atol": atol}
        cases.append(
            {
                "dtype": str(dtype).removeprefix("torch."), "sizes": list(actual.shape), "actual": hexed(actual),
                "expected": hexed(expected), "equal_nan": False, **options, "verdict": verdict(actual, expected, **options),
            }
        )
        print(dtype, rtol, atol, len(places), cases[-1]["verdict"] and cases[-1]["verdict"]["count"])
(HERE / "close.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
print(sum(case["verdict"] is not None for case in cases), "of", len(cases), "differ")
