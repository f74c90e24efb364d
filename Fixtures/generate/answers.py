"""What the reference Inspector says about a trace, as files that need no Python to read."""

import hashlib
import json
import math
import re
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from executorch.devtools import Inspector

from neutral import neutral

METRICS = ("MSE", "L1", "SNR")
LIMIT = 600  # seconds the reference may take for one answer


class TooSlow(Exception):
    pass


@contextmanager
def time_limit(seconds: int):
    def stop(*_):
        raise TooSlow(f"the reference took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def number(value: float) -> Any:
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def tensor_summary(value: Any) -> Any:
    """A tensor as dtype, shape and hash; a scalar as itself; a list as a list of those."""
    if isinstance(value, torch.Tensor):
        data = value.detach().contiguous()
        raw = data.reshape(-1).view(torch.uint8).numpy().tobytes() if data.numel() else b""
        return {
            "dtype": str(data.dtype).removeprefix("torch."),
            "shape": list(data.shape),
            "sha256": hashlib.sha256(raw).hexdigest(),
        }
    if isinstance(value, (list, tuple)):
        return [tensor_summary(item) for item in value]
    if isinstance(value, float):
        return {"float": number(value)}
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    return {"repr": repr(value)}


class Pool:
    """Large values that many events share, written once and referred to by index."""

    def __init__(self):
        self.values: list = []
        self.index: dict[str, int] = {}

    def add(self, value: Any) -> int:
        key = json.dumps(value, sort_keys=False, default=str)
        if key not in self.index:
            self.index[key] = len(self.values)
            self.values.append(value)
        return self.index[key]


def inspector_json(inspector: Inspector) -> dict:
    op_types, stacks, modules = Pool(), Pool(), Pool()
    blocks = []
    for block in inspector.event_blocks:
        events = []
        for event in block.events:
            perf = event.perf_data
            columns = event.asdict()
            events.append(
                {
                    "event_name": event.name,
                    "raw": [number(x) for x in perf.raw] if perf else None,
                    **{
                        key: number(getattr(perf, key)) if perf else None
                        for key in ("p10", "p50", "p90", "avg", "min", "max")
                    },
                    "op_types": op_types.add(event.op_types),
                    "op_types_cell": str(columns["op_types"][0]),
                    "delegate_debug_identifier": event.delegate_debug_identifier,
                    "stack_traces": stacks.add(event.stack_traces),
                    "module_hierarchy": modules.add(event.module_hierarchy),
                    "is_delegated_op": event.is_delegated_op,
                    "delegate_backend_name": event.delegate_backend_name,
                    "debug_data": tensor_summary(event.debug_data),
                    "start_time": event.start_time,
                    "debug_handles": event.debug_handles,
                    "instruction_id": event._instruction_id,
                    "num_outputs": event.num_outputs,
                    "raw_delegate_debug_metadatas": event.raw_delegate_debug_metadatas,
                }
            )
        blocks.append(
            {
                "name": block.name,
                "bundled_input_index": block.bundled_input_index,
                "source_time_scale": block.source_time_scale.value,
                "target_time_scale": block.target_time_scale.value,
                "run_output": tensor_summary(block.run_output),
                "reference_output": tensor_summary(block.reference_output),
                "events": events,
            }
        )
    return {
        "dataframe_columns": list(inspector.to_dataframe().columns),
        "pools": {"op_types": op_types.values, "stack_traces": stacks.values, "module_hierarchy": modules.values},
        "event_blocks": blocks,
    }


def dumps(value: Any) -> bytes:
    return (json.dumps(value, indent=0, allow_nan=False, default=str) + "\n").encode()


def failure(error: BaseException, folder: Path) -> str:
    text = neutral(f"{type(error).__name__}: {error}".replace(f"{folder}/", ""))
    return re.sub(r"\btmp\w{8}\b", "tmp", text.replace(f"{tempfile.gettempdir()}/", ""))


def inspect(folder: Path, trace: str, etrecord: bool, buffer: bool, stem: str | None = None) -> dict:
    """Writes the answers for one case and returns its entry for golden.json."""
    stem = stem or f"{trace}.{'etrecord' if etrecord else 'plain'}"
    case = {
        "trace": f"{trace}.etdp",
        "etrecord": "model.etrecord" if etrecord else None,
        "debug_buffer": f"{trace}.debug" if buffer else None,
        "tsv": f"{stem}.tsv",
        "json": f"{stem}.json",
        "error": None,
    }
    try:
        with time_limit(LIMIT):
            inspector = Inspector(
                etdump_path=str(folder / case["trace"]),
                etrecord=str(folder / "model.etrecord") if etrecord else None,
                debug_buffer_path=str(folder / case["debug_buffer"]) if buffer else None,
            )
            answer = dumps(inspector_json(inspector))
            with open(folder / case["tsv"], "w", newline="") as file:
                inspector.save_data_to_tsv(file)
            (folder / case["json"]).write_bytes(answer)
    except Exception as error:  # what it says when it refuses is an answer too
        case["tsv"] = case["json"] = None
        case["error"] = failure(error, folder)
    return case


def numeric_gap(folder: Path, trace: str) -> list[dict]:
    """Writes TRACE.numeric_gap.json, all metrics in one file."""
    file, rows, entries = f"{trace}.numeric_gap.json", {}, []
    for metric in METRICS:
        entry = {"trace": f"{trace}.etdp", "metric": metric, "json": file, "error": None}
        try:
            with time_limit(LIMIT):
                inspector = Inspector(
                    etdump_path=str(folder / f"{trace}.etdp"),
                    etrecord=str(folder / "model.etrecord"),
                    debug_buffer_path=str(folder / f"{trace}.debug"),
                )
                resolve, graph = inspector._resolve_reference_graph, []

                def noting(*arguments, **options):
                    answer = resolve(*arguments, **options)
                    graph.append(answer[1])
                    return answer

                inspector._resolve_reference_graph = noting
                frame = inspector.calculate_numeric_gap(metric)
            rows[metric] = {
                "reference_graph": graph[0],
                "columns": list(frame.columns),
                "rows": [{key: gap_cell(key, value) for key, value in row.items()} for row in frame.to_dict("records")],
            }
        except Exception as error:
            entry["json"], entry["error"] = None, failure(error, folder)
        entries.append(entry)
    if rows:
        (folder / file).write_bytes(dumps(rows))
    return entries


def gap_cell(column: str, value: Any) -> Any:
    if column.endswith("intermediate_output"):
        return tensor_summary(value)
    if column == "gap":
        return [number(x) for x in value] if isinstance(value, (list, tuple)) else number(value)
    if isinstance(value, tuple):
        return list(value)
    return value
