"""Run by an older executorch: writes model.pte and model.etrecord of one fixture into a folder."""

import sys
from pathlib import Path

import torch
from executorch.devtools import BundledProgram, generate_etrecord
from executorch.devtools.bundled_program.config import MethodTestCase, MethodTestSuite
from executorch.exir import to_edge

from neutral import neutralise


def main(inputs_file: str, folder: str, bundled: bool) -> None:
    import odd_models

    (inputs,) = torch.load(inputs_file)
    torch.manual_seed(0)
    module = odd_models.Detector(odd_models.Backbone()).eval().requires_grad_(False)
    exported = neutralise(torch.export.export(module, inputs))
    edge = to_edge(exported)
    recorded = to_edge(exported)  # to_executorch below changes its program in place
    program = edge.to_executorch()
    Path(folder, "model.pte").write_bytes(program.buffer)
    if bundled:
        cases = [MethodTestCase(inputs=inputs, expected_outputs=[module(*inputs)])]
        program = BundledProgram(program, [MethodTestSuite("forward", cases)])
    generate_etrecord(f"{folder}/model.etrecord", recorded, program)


main(sys.argv[1], sys.argv[2], sys.argv[3] == "bundled")
