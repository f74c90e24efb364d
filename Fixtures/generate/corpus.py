"""Makes Fixtures/corpus: programs of one operator each, and what the official runtime answers.

    VENV/bin/python Fixtures/generate/corpus.py [GROUP | OPERATOR]… [--dry]
    VENV/bin/python Fixtures/generate/corpus.py --summary

Without arguments every group is made; an operator's name replaces its cases in its group's pack. What was dropped, and
where the official answer is far from PyTorch's, goes to Fixtures/large/corpus-GROUP.txt.
"""

import collections
import dataclasses
import hashlib
import importlib
import json
import math
import random
import struct
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
import zstandard

sys.path.insert(0, str(Path(__file__).parent))
import corpus_make
from corpus_case import Case, Emitter, Out, dim_order_of, name_of
from corpus_make import call, first_out, variants
from corpus_run import Runner, bytes_of
from torch.utils import _pytree as pytree

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
ACCEPTED, REJECTED = 30, 6  # at most so many cases of an operator, exported ones and OpInfo's not counted
OPINFO_ACCEPTED, OPINFO_REJECTED = 6, 1
CASE_BYTES = 60_000
# Kernels that add to an output they never clear: right in fresh memory, which is zero, and only there.
FRESH = {"aten::max_pool2d_with_indices_backward.grad_input"}
# Kernels that take the bytes of one dtype for another's, or sizes nobody set; nothing to be learnt from.
BLIND = {"aten::split_with_sizes_copy.out", "aten::var_mean.correction_out", "aten::view_as_real_copy.out"}
REDUCTIONS = set(
    """_cdist_forward _pdist_forward _log_softmax _softmax _native_batch_norm_legit _native_batch_norm_legit_no_training
    addmm bmm cumsum linear mean mm native_group_norm native_layer_norm prod sum var var_mean _adaptive_avg_pool2d
    avg_pool2d convolution convolution_backward _fft_c2r _fft_r2c _upsample_bilinear2d_aa upsample_bilinear2d
    grid_sampler_2d mixed_mm mixed_linear scatter_add index_put index_put_ max_pool2d_with_indices_backward
    choose_qparams choose_qparams_per_token_asymmetric""".split()
)
MOVES = set(
    """constant_pad_nd embedding max_pool2d_with_indices pixel_shuffle pixel_unshuffle reflection_pad1d reflection_pad2d
    reflection_pad3d replication_pad1d replication_pad2d replication_pad3d upsample_nearest2d where masked_fill maximum
    minimum clamp relu neg abs amax amin max min topk nonzero any argmax argmin sign floor ceil trunc round
    _conj_physical""".split()
)


@dataclasses.dataclass
class Result:
    case: Case
    program: bytes
    answers: list | None = None
    rejected: tuple | None = None
    differs: str | None = None


class Judge:
    """Asks the official runtime, twice, and says what its answer is worth."""

    def __init__(self):
        self.plain, self.guarded = Runner(0), Runner(165)
        self.dropped = []
        self.drops = collections.Counter()

    def result(self, case: Case) -> Result | None:
        try:
            program = case.program or Emitter(case).program()
        except (KeyError, TypeError, struct.error) as error:
            self.drop(case, f"cannot be written: {type(error).__name__} {error}")
            return None
        tensors = case.tensors()
        kind, *rest = self.plain.run(program, tensors, [])
        if kind == "crash":
            return self.drop(case, f"crash {rest[0]}: {short(rest[1])}")
        if kind == "inputs":
            return self.drop(case, f"the binding cannot pass the inputs: {short(rest[1])}")
        if kind != "answer" and "make_tensor_ptr" in rest[1]:
            return self.drop(case, f"the binding cannot pass the inputs: {short(rest[1])}")
        if kind != "answer":
            return Result(case, program, rejected=(kind, (rest[0] + ": " if kind != "abort" else "") + short(rest[1])))
        answers, again, _ = rest
        if not case.random and case.op not in FRESH and same(answers) != same(again):
            return self.drop(case, "undefined: the second run differs")
        if case.program is None:
            emitter = Emitter(case, guards=True)
            guarded = emitter.program()
            guards = [torch.full((Emitter.GUARD,), 0x5A, dtype=torch.uint8) for _ in emitter.guard_ids]
        else:
            guarded, guards = program, []
        kind, *rest = self.guarded.run(guarded, tensors + guards, [])
        if kind != "answer":
            return self.drop(case, f"undefined: with guards it is {kind}")
        seen = rest[0]
        if guards and any(answer[3] != b"\x5a" * Emitter.GUARD for answer in seen[-len(guards) :]):
            return self.drop(case, "writes beyond its tensors")
        if not case.random and same(seen[: len(answers)]) != same(answers):
            return self.drop(case, "undefined: differs in another place of memory")
        return Result(case, program, answers=answers)

    def drop(self, case: Case, why: str) -> None:
        self.drops[case.op] += 1
        self.dropped.append((case.op, case.label, why))

    def close(self):
        self.plain.close()
        self.guarded.close()


def same(answers):
    return [repr(answer) for answer in answers]


def short(log: str) -> str:
    lines = [line for line in log.splitlines() if line.startswith("[") and "type id" not in line]
    lines = [line for line in lines if "cpuinfo" not in line and "KernelCall failed" not in line]
    return lines[0].partition("] ")[2][:120].strip() if lines else ""


class Undefined(Exception):
    """The official answer is what C++ leaves open, or bits taken for another type."""


def blind(case: Case) -> bool:
    """Whether a quantized embedding takes bits for another type's, reads a row that is not there or writes rows that its
    result has no room for, unchecked."""
    if not case.op.startswith("quantized_decomposed::embedding_") or case.exported:
        return False
    weight, scales, indices = case.args[0], case.args[1], case.args[5]
    outside = bool(((indices < 0) | (indices >= weight.shape[0])).any()) or len(case.outs[0].sizes) != indices.dim() + 1
    return outside or case.op.endswith(".out") and scales.dtype != case.outs[0].dtype


def differs(result: Result) -> str | None:
    """How the answer differs from PyTorch's, if it does by far."""
    case = result.case
    if case.random or case.exported or result.answers is None:
        return None
    if blind(case):
        raise Undefined("bits or rows that are something else's")
    try:
        wanted = pytree.tree_leaves(call(case.op, [t.clone() if isinstance(t, torch.Tensor) else t for t in case.args]))
    except Exception:
        return None
    outs = [out for out in pytree.tree_leaves(case.outs, is_leaf=lambda o: isinstance(o, Out)) if isinstance(out, Out)]
    for index, (want, out, answer) in enumerate(zip(wanted, outs, result.answers)):
        if answer[0] != "tensor" or not isinstance(want, torch.Tensor):
            continue
        if list(want.shape) != answer[2]:
            if case.op in BLIND:
                raise Undefined("sizes that nobody set")
            return f"output {index} has sizes {answer[2]}, PyTorch {list(want.shape)}"
        if out.dtype != want.dtype or out.dtype.is_complex or not want.numel():
            continue
        got = restore(answer, out)
        equal = torch.isclose(got.double(), want.double(), **TOLERANCE.get(out.dtype, {}), equal_nan=True)
        if not equal.all():
            if out.dtype in (torch.int32, torch.int64) and (got[~equal] == torch.iinfo(out.dtype).min).any():
                raise Undefined("a conversion beyond the integer's range")
            if case.op == "aten::cat.out" and len({t.dtype for t in case.tensors()}) > 1:
                raise Undefined("the bits of one dtype taken for another's")
            place = int((~equal).flatten().nonzero()[0])
            return (
                f"output {index}: {int((~equal).sum())} of {want.numel()} elements differ, the first is "
                f"{got.flatten()[place].item()}, PyTorch {want.flatten()[place].item()}"
            )
    return None


TOLERANCE = {
    torch.float32: {"rtol": 1e-3, "atol": 1e-4},
    torch.float64: {"rtol": 1e-3, "atol": 1e-4},
    torch.float16: {"rtol": 5e-2, "atol": 2e-2},
    torch.bfloat16: {"rtol": 1e-1, "atol": 1e-1},
}


def restore(answer, out: Out) -> torch.Tensor:
    order = out.order()
    stored = torch.frombuffer(bytearray(answer[3]), dtype=out.dtype).reshape([answer[2][dim] for dim in order])
    return stored.permute([order.index(dim) for dim in range(len(order))])


def thin(results: list[Result], limit: int, seed: str) -> list[Result]:
    """At most `limit` of them, of every dtype and sort, in their order."""
    if len(results) <= limit:
        return results
    groups = collections.defaultdict(list)
    for index, result in enumerate(results):
        out = first_out(result.case)
        if result.rejected:
            key = result.rejected[1]
        else:
            key = (
                result.case.dtype(),
                out and out.dtype,
                tuple(t.dim() for t in result.case.tensors()),
                any(t.numel() == 0 for t in result.case.tensors()),
            )
        groups[key].append(index)
    picker = random.Random(seed)
    queues = list(groups.values())
    for queue in queues:
        picker.shuffle(queue)
    kept = set()
    dtypes = {(r.case.dtype(), r.rejected): i for i, r in reversed(list(enumerate(results)))}
    kept.update(sorted(dtypes.values())[:limit])
    picker.shuffle(queues)
    while len(kept) < limit:
        for queue in queues:
            if queue and len(kept) < limit:
                kept.add(queue.pop())
    return [result for index, result in enumerate(results) if index in kept]


def seed_of(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def generated(op: str, index: int, function):
    """The cases of one generator; an exception of PyTorch's ends none of the others."""
    torch.manual_seed(seed_of(f"{op} {index}"))
    random.seed(seed_of(op))
    for case in function(op):
        if case is not None:
            yield case


def cases_of(op: str, judge: Judge, odd: list) -> list[Result]:
    accepted, rejected, seen = [], [], set()

    def judged(case: Case) -> Result | None:
        tensors = case.tensors()
        key = (case.label, tuple(bytes_of(t) for t in tensors))
        if key in seen or sum(t.numel() * t.element_size() for t in tensors) > CASE_BYTES:
            return None
        seen.add(key)
        result = judge.result(case)
        if result is None:
            return None
        try:
            result.differs = differs(result)
        except Undefined as reason:
            return judge.drop(case, f"undefined: {reason}")
        if result.differs:
            odd.append((op, case.label, result.differs))
        return result

    for index, function in enumerate(corpus_make.REGISTRY.get(op, [])):
        for case in generated(op, index, function):
            result = judged(case)
            if result is not None:
                (rejected if result.rejected else accepted).append(result)
    bases = [r.case for r in accepted if all(t.numel() for t in r.case.tensors()) and not r.case.random]
    chosen = bases[:1] + [b for b in bases if first_out(b) is not None and len(first_out(b).sizes) in (2, 4)][:2]
    spoilt, varied = [], []
    torch.manual_seed(seed_of(op))
    for base in chosen:
        for case in variants(base, outs=op not in BLIND):
            result = judged(case)
            if result is not None:
                (spoilt if result.rejected else varied).append(result)
    kept = thin(accepted, ACCEPTED, op) + thin(varied, 4, op)
    kept += thin(rejected, 4, op) + thin(spoilt, REJECTED - min(4, len(rejected)), op)
    from corpus_opinfo import captured

    extra, refused = [], []
    for case in captured(op):
        result = judged(case)
        if result is not None:
            (refused if result.rejected else extra).append(result)
    kept += thin(extra, max(OPINFO_ACCEPTED, 16 - len(kept)), op) + thin(refused, OPINFO_REJECTED, op)
    from corpus_export import exported

    for case in exported(op):
        result = judged(case)
        if result is not None:
            kept.append(result)
    return kept


class Pack:
    """The blob of a pack, each distinct range once."""

    def __init__(self):
        self.blob, self.places = bytearray(), {}

    def put(self, data: bytes) -> list[int]:
        if data not in self.places:
            self.places[data] = len(self.blob)
            self.blob += data + bytes(-len(data) % 16)
        return [self.places[data], len(data)]

    def tensor(self, dtype: str, sizes, dim_order, data: bytes) -> dict:
        return {"tensor": {"dtype": dtype, "sizes": list(sizes), "dim_order": list(dim_order), "data": self.put(data)}}

    def entry(self, result: Result, label: str) -> dict:
        case = result.case
        base = case.op.split("::")[1].partition(".")[0]
        entry = {
            "op": case.op,
            "case": label,
            "dtype": case.dtype(),
            "exported": case.exported,
            "program": self.put(result.program),
            "inputs": [self.tensor(name_of(t.dtype), t.shape, dim_order_of(t), bytes_of(t)) for t in case.tensors()],
        }
        if case.random:
            entry["random"] = True
        if result.differs:
            entry["differs"] = result.differs
        if base in REDUCTIONS:
            entry["reduction"] = True
        if result.rejected:
            entry["rejected"] = {"phase": result.rejected[0], "error": result.rejected[1]}
            return entry
        orders = output_orders(result.program)
        entry["outputs"] = []
        for answer, order in zip(result.answers, orders):
            if answer[0] == "tensor":
                data = bytes(len(answer[3])) if case.random else answer[3]
                entry["outputs"].append(self.tensor(answer[1], answer[2], order, data))
            else:
                entry["outputs"].append(scalar(answer[1]))
        exact = all("double" not in value for value in entry["outputs"]) and all(
            not value["tensor"]["dtype"].startswith(("float", "bfloat", "complex"))
            for value in entry["outputs"]
            if value and "tensor" in value
        )
        entry["integral"] = exact or base in MOVES or GROUPS.get(case.op) == "movement" and base not in REDUCTIONS
        return entry


def output_orders(program: bytes) -> list:
    from executorch.exir._serialize._program import deserialize_pte_binary

    plan = deserialize_pte_binary(program).program.execution_plan[0]
    return [getattr(plan.values[index].val, "dim_order", None) for index in plan.outputs]


def scalar(value):
    if value is None:
        return None
    if isinstance(value, bool):
        return {"bool": value}
    if isinstance(value, int):
        return {"int": value}
    if math.isfinite(value):
        return {"double": value}
    return {"double": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}


def read(group: str) -> tuple[list[dict], memoryview]:
    """The index and the blob of a pack, or nothing if there is none yet."""
    path = CORPUS / f"{group}.etcorpus.zst"
    if not path.exists():
        return [], memoryview(b"")
    data = zstandard.ZstdDecompressor().decompress(path.read_bytes())
    end = 16 + struct.unpack("<Q", data[8:16])[0]
    return json.loads(data[16:end])["cases"], memoryview(data)[end:]


def write(group: str, by_op: dict[str, list]) -> None:
    pack, entries = Pack(), []
    old, blob = read(group)
    kept = collections.defaultdict(list)
    for entry in old:
        if entry["op"] not in by_op and GROUPS.get(entry["op"]) == group:
            kept[entry["op"]].append(entry)
    for op in sorted([*kept, *by_op]):
        for entry in kept[op]:
            values = [
                value["tensor"] for value in entry["inputs"] + entry.get("outputs", []) if "tensor" in (value or {})
            ]
            for holder, key in [(entry, "program"), *((tensor, "data") for tensor in values)]:
                offset, length = holder[key]
                holder[key] = pack.put(bytes(blob[offset : offset + length]))
            entries.append(entry)
        labels = collections.Counter()
        for result in by_op.get(op, []):
            label = ("exported " if result.case.exported else "") + result.case.label
            labels[label] += 1
            entries.append(pack.entry(result, label if labels[label] == 1 else f"{label} #{labels[label]}"))
    index = {
        "format": 1,
        "versions": {"torch": torch.__version__, "executorch": version("executorch")},
        "cases": entries,
    }
    text = json.dumps(index, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-(16 + len(text)) % 16)
    data = b"ETCORP01" + struct.pack("<Q", len(text)) + text + bytes(pack.blob)
    parameters = zstandard.ZstdCompressionParameters.from_level(
        19, source_size=len(data), window_log=23, write_checksum=True, enable_ldm=True
    )
    packed = zstandard.ZstdCompressor(compression_params=parameters).compress(data)
    (CORPUS / f"{group}.etcorpus.zst").write_bytes(packed)
    print(f"{group}: {len(entries)} cases, {len(data)} bytes, {len(packed)} compressed", flush=True)


def summary() -> None:
    """Says what there is, and of which operators there is little."""
    little, total, refused, count = [], 0, 0, 0
    for group in sorted(set(GROUPS.values())):
        cases, _ = read(group)
        total += len(cases)
        refused += sum("rejected" in case for case in cases)
        count += sum(case["exported"] for case in cases)
        print(
            f"{group}: {len({c['op'] for c in cases})} operators, {len(cases)} cases,"
            f" {sum('rejected' in c for c in cases)} rejected, {sum(c['exported'] for c in cases)} exported"
        )
        for op in sorted(name for name, where in GROUPS.items() if where == group):
            own = [case for case in cases if case["op"] == op]
            good = [case for case in own if "rejected" not in case]
            dtypes = sorted({case["dtype"] for case in good})
            if len(good) < 8 or len(dtypes) < 3 or len(own) == len(good):
                little.append(f"{op}: {len(good)} cases, {len(own) - len(good)} rejected, {' '.join(dtypes)}")
    print(f"all: {total} cases, {refused} rejected, {count} exported")
    print("\n".join(little))


GROUPS = {op: group for group, op in (line.split() for line in (CORPUS / "groups.txt").read_text().splitlines())}


def main(arguments: list[str]) -> None:
    warnings.filterwarnings("ignore")
    if arguments == ["--summary"]:
        return summary()
    torch.set_num_threads(1)
    for module in ("pointwise", "reduce", "neural", "quantized", "movement", "creation", "prim"):
        if (Path(__file__).parent / f"corpus_{module}.py").exists():
            importlib.import_module(f"corpus_{module}")
    only_print = "--dry" in arguments
    names = [a for a in arguments if not a.startswith("--")] or sorted(set(GROUPS.values()))
    for group in sorted(set(GROUPS.values())):
        ops = [op for op, where in GROUPS.items() if where == group and (group in names or op in names)]
        if not ops:
            continue
        by_op, odd, judge = {}, [], Judge()
        for op in sorted(ops):
            try:
                by_op[op] = cases_of(op, judge, odd)
            except Exception as error:
                if "--strict" in arguments:
                    raise
                print(f"  {op}: {type(error).__name__}: {error}", flush=True)
                by_op[op] = []
            good = [r for r in by_op[op] if r.answers is not None]
            print(f"  {op}: {len(good)} + {len(by_op[op]) - len(good)} rejected, {judge.drops[op]} dropped", flush=True)
        judge.close()
        report = CORPUS.parent / "large" / f"corpus-{group}.txt"
        report.parent.mkdir(exist_ok=True)
        report.write_text("".join("\t".join(line) + "\n" for line in judge.dropped + odd))
        if not only_print:
            write(group, by_op)


if __name__ == "__main__":
    main(sys.argv[1:])
