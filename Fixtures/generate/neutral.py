"""Stack traces without this machine's directories."""

import re
from pathlib import Path

import torch

REPOSITORY = Path(__file__).resolve().parents[2]


def neutral(text: str) -> str:
    text = text.replace(f"{REPOSITORY}/", "")
    return re.sub(r"(?<![\w.])/[^\s\"']*/site-packages/", "site-packages/", text)


def neutralise(program):
    """Rewrites the stack traces of an exported program, in place."""
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                if node.meta.get("stack_trace"):
                    node.meta["stack_trace"] = neutral(node.meta["stack_trace"])
    return program
