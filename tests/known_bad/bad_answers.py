"""Signatures and answers that break the contract of the bundle, and ids that no one thought of."""

from __future__ import annotations

import numpy as np

from tests.known_bad.members import Copy, everywhere, known_bad
from tests.known_bad.model_edits import Graph


def gather_outputs(graph: Graph, names: tuple[str, ...], positions: list[int]) -> None:
    """Let outputs of the signature be picked from the answer by position."""
    index = graph.add_constant("positions", np.array(positions, np.int32))
    for name in names:
        source = graph.output(name).tensorIndex
        dtype = {"items": "int32", "scores": "float32"}[name]
        picked = graph.add_tensor(f"picked_{name}", [1, len(positions)], dtype)
        gather = graph.add_operator("GATHER", 1, [source, index], picked, before=None)
        graph.set_options(gather, "GatherOptions", axis=1, batchDims=0)
        graph.redirect_output(name, picked)


@known_bad("memcom, int8", everywhere("types"))
def outputs_are_swapped(bundle: Copy) -> None:
    """Scores under the name of items and the other way round."""
    with bundle.graph() as graph:
        items, scores = (graph.output(name) for name in ("items", "scores"))
        items.tensorIndex, scores.tensorIndex = scores.tensorIndex, items.tensorIndex


@known_bad("memcom, int8", everywhere("names"))
def outputs_are_renamed(bundle: Copy) -> None:
    """Names such as a converter makes up."""
    with bundle.graph() as graph:
        for output in graph.signature.outputs:
            output.name += b"_0"


@known_bad("memcom, int8", everywhere("shapes"))
def fewer_items_are_returned_than_promised(bundle: Copy) -> None:
    """Ten items where the manifest promises twenty."""
    with bundle.graph() as graph:
        top = graph.operator("TOPK_V2")
        graph.values(top.inputs[1], "int32")[...] = 10
        for output in top.outputs:
            graph.graph.tensors[output].shape = np.array([1, 10], np.int32)


@known_bad("memcom, int8", everywhere("values"))
def an_item_is_returned_twice(bundle: Copy) -> None:
    """The best item takes the second place, too."""
    with bundle.graph() as graph:
        gather_outputs(graph, ("items", "scores"), [0, *range(19)])


@known_bad("memcom, int8", everywhere("values"))
def worst_item_comes_first(bundle: Copy) -> None:
    """The right items with the right scores in rising order."""
    with bundle.graph() as graph:
        gather_outputs(graph, ("items", "scores"), list(range(20))[::-1])


@known_bad("memcom, int8", everywhere("values"))
def items_do_not_belong_to_the_scores(bundle: Copy) -> None:
    """The right items and the right scores, not in the same order."""
    with bundle.graph() as graph:
        gather_outputs(graph, ("items",), list(range(20))[::-1])


@known_bad("memcom, int8", everywhere("values"))
def items_are_numbered_beyond_the_vocabulary(bundle: Copy) -> None:
    """Ids that the vocabulary has no line for."""
    with bundle.graph() as graph:
        source = graph.output("items").tensorIndex
        offset = graph.add_constant("offset", np.array(300, np.int32))
        moved = graph.add_tensor("moved_items", [1, 20], "int32")
        graph.set_options(graph.add_operator("ADD", 1, [source, offset], moved, before=None), "AddOptions")
        graph.redirect_output("items", moved)


@known_bad("memcom, int8", everywhere("values"))
def items_of_the_history_are_returned(bundle: Copy) -> None:
    """The penalty for what the user has already had is lost."""
    with bundle.graph() as graph:
        graph.values(graph.operator("SCATTER_ND").inputs[1], "float32")[:] = 0


@known_bad("memcom, int8", everywhere("runtime"))
def ids_out_of_range_reach_the_table(bundle: Copy) -> None:
    """Without the guard every real history is answered and the first odd id fails."""
    with bundle.graph() as graph:
        guard = graph.operator("SELECT_V2")
        assert guard.inputs[1] == graph.signature.inputs[0].tensorIndex
        guard.inputs[2] = guard.inputs[1]


@known_bad("memcom, int8", everywhere("edge ids"))
def ids_out_of_range_count_as_an_item(bundle: Copy) -> None:
    """An id outside the vocabulary is taken for the first item and not for an unknown one."""
    with bundle.graph() as graph:
        graph.operator("SELECT_V2").inputs[2] = graph.add_constant("replacement", np.array(2, np.int32))


@known_bad("memcom, int8", everywhere("edge ids"))
def mean_of_an_empty_history_is_not_a_number(bundle: Copy) -> None:
    """Zero divided by zero, as Keras' own pooling has it: LiteRT returns NaN, 2.14 wrong scores made of it."""
    with bundle.graph() as graph:
        division = graph.operator("DIV")
        division.inputs[1] = graph.operator("SUM").outputs[0]
