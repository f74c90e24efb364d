"""Graph ids of an ETRecord, which are addresses of the exporting process, as numbers that stay the same."""

import torch
from torch.fx.traceback import NodeSource

FIRST, STEP = 0x7F0000000000, 0x10  # still the size of an address


class Renumbering:
    def __init__(self):
        self.numbers: dict[int, int] = {}
        self.seen: dict[int, object] = {}  # kept alive, so that no address is used twice

    def number(self, address: int) -> int:
        return self.numbers.setdefault(address, FIRST + STEP * len(self.numbers))

    def source(self, source: NodeSource) -> None:
        source._dict = None
        if source.node_info is not None and id(source.node_info) not in self.seen:
            self.seen[id(source.node_info)] = source.node_info
            source.node_info.graph_id = self.number(source.node_info.graph_id)
        for earlier in source.from_node:
            self.source(earlier)

    def program(self, program) -> None:
        if program is None or id(program) in self.seen:
            return
        self.seen[id(program)] = program
        for module in program.graph_module.modules():
            if hasattr(module, "original_module"):  # what a delegate took
                self.program(module.original_module)
            if isinstance(module, torch.fx.GraphModule):
                for node in module.graph.nodes:
                    for source in node.meta.get("from_node", []):
                        self.source(source)


def renumber_graphs(record) -> None:
    """Numbers the graphs of a record in the order in which they are met."""
    renumbering = Renumbering()
    if record.export_graph_id is not None:
        record.export_graph_id = renumbering.number(record.export_graph_id)
    edge = record.edge_dialect_program
    edges = list(edge.values()) if isinstance(edge, dict) else [edge]
    for program in [record.exported_program, *edges, *(record.graph_map or {}).values()]:
        renumbering.program(program)
