"""Embedding tables: right numbers that a runtime reads wrongly, expands or can't read, and wrong numbers or rows."""

from __future__ import annotations

import numpy as np

from ondevice.bundle import open_bundle
from tests.known_bad.good_bundles import GRID_STEP, TWINS
from tests.known_bad.members import Copy, everywhere, known_bad, verdict
from tests.known_bad.model_edits import Graph

MEMORY_BUDGET_MB = 14.0
"""Runtime code and the whole mapped float32 table take up to 12 MB, a table expanded from float16 at least 16 MB."""


def grid_steps(graph: Graph) -> np.ndarray:
    """Return the table of a grid bundle in whole steps, int8 `[rows, width]`."""
    return np.rint(graph.values(graph.operator("GATHER").inputs[0], "float32") / GRID_STEP).astype(np.int8)


def packed(steps: np.ndarray) -> bytes:
    """Pack int4 values as the format wants them: two per byte, the first in the lower half, rows without gaps."""
    flat = np.append(steps.ravel(), np.zeros(steps.size % 2, np.int8)).view(np.uint8) & 15
    return (flat[0::2] | flat[1::2] << 4).tobytes()


def look_up_with_one_operation(graph: Graph, table: int, version: int) -> None:
    """Replace the GATHER by an EMBEDDING_LOOKUP, which takes flat ids and decodes the rows itself."""
    gather = graph.operator("GATHER")
    ids, vectors = gather.inputs[1], gather.outputs[0]
    _, length, width = graph.shape(vectors)
    flat = graph.add_tensor("flat_ids", [length], "int32")
    rows = graph.add_tensor("rows", [length, width], "float32")
    flat_shape = graph.add_constant("flat_shape", np.array([length], np.int32))
    shape = graph.add_constant("vectors_shape", np.array([1, length, width], np.int32))
    graph.add_operator("RESHAPE", 1, [ids, flat_shape], flat, before=gather)
    graph.add_operator("EMBEDDING_LOOKUP", version, [flat, table], rows, before=gather)
    graph.add_operator("RESHAPE", 1, [rows, shape], vectors, before=gather)
    graph.remove(gather)


def int8_rows(graph: Graph) -> int:
    """Add the table as int8 with a scale per row, in finer steps in some rows, and return its index."""
    steps = grid_steps(graph)
    finer = 2 ** (np.arange(len(steps)) % 3)
    values = (steps * finer[:, None]).astype(np.int8)
    table = graph.add_constant("int8_rows", values)
    graph.quantize(table, (GRID_STEP / finer).tolist(), dimension=0)
    return table


def int4_table(graph: Graph) -> int:
    """Add the table as packed int4 with one scale and return its index."""
    steps = grid_steps(graph)
    table = graph.add_tensor("int4_table", steps.shape, "int4", packed(steps))
    graph.quantize(table, [GRID_STEP])
    return table


def gather_int4(graph: Graph) -> None:
    """Gather packed rows and decode them, as current converters do."""
    gather = graph.operator("GATHER")
    rows = graph.add_tensor("int4_rows", graph.shape(gather.outputs[0]), "int4")
    graph.quantize(rows, [GRID_STEP])
    gathered = graph.add_operator("GATHER", 7, [int4_table(graph), gather.inputs[1]], rows, before=gather)
    graph.set_options(gathered, "GatherOptions", axis=0, batchDims=0)
    graph.add_operator("DEQUANTIZE", 6, [rows], gather.outputs[0], before=gather)
    graph.remove(gather)


@known_bad("grid", verdict(old="look-ups, values"))
def per_row_int8_embedding_lookup_stamped_too_old(bundle: Copy) -> None:
    """As ai-edge-quantizer stamps it: 2.14 loads the file and looks up zeros, LiteRT is right."""
    with bundle.graph() as graph:
        look_up_with_one_operation(graph, int8_rows(graph), version=1)


@known_bad("grid", verdict(old="runtime"))
def per_row_int8_embedding_lookup_stamped_right(bundle: Copy) -> None:
    """2.14 refuses version 4; LiteRT is right: what the stamp is for."""
    with bundle.graph() as graph:
        look_up_with_one_operation(graph, int8_rows(graph), version=4)


@known_bad("grid", verdict(old="runtime"))
def int4_gather_of_even_width(bundle: Copy) -> None:
    """2.14 refuses GATHER version 7; LiteRT is right."""
    with bundle.graph() as graph:
        gather_int4(graph)


@known_bad("odd grid", verdict(old="runtime", new="look-ups, values"))
def int4_gather_of_odd_width(bundle: Copy) -> None:
    """Rows that do not start on a byte are read from the wrong place, without an error."""
    with bundle.graph() as graph:
        gather_int4(graph)


@known_bad("odd grid", verdict(old="runtime", new="look-ups, values"))
def int4_embedding_lookup_of_odd_width(bundle: Copy) -> None:
    """As with GATHER; 2.14 refuses the type when called."""
    with bundle.graph() as graph:
        look_up_with_one_operation(graph, int4_table(graph), version=1)


@known_bad("large grid", everywhere("memory"), options={"max_memory": MEMORY_BUDGET_MB})
def whole_table_expanded_from_float16(bundle: Copy) -> None:
    """Every answer is right and the file is half as large, but the whole table is expanded when the file is opened."""
    with bundle.graph() as graph:
        gather = graph.operator("GATHER")
        table = gather.inputs[0]
        half = graph.add_constant("float16_table", graph.values(table, "float32").astype(np.float16))
        graph.drop_values(table)
        graph.add_operator("DEQUANTIZE", 3, [half], table, before=gather)


def multipliers(graph: Graph) -> np.ndarray:
    """Return MEmCom's table with one number per id, float32 `[ids]`, to be changed in place."""
    [table] = [each.inputs[0] for each in graph.operators("GATHER") if graph.shape(each.inputs[0])[1] == 1]
    return graph.values(table, "float32")[:, 0]


@known_bad("memcom, int8", everywhere("look-ups, values"))
def every_id_has_the_multiplier_of_its_neighbour(bundle: Copy) -> None:
    """An id that is off by one: plausible scores, wrong items."""
    with bundle.graph() as graph:
        multipliers(graph)[:] = np.roll(multipliers(graph), 1)


@known_bad("memcom, int8", everywhere("look-ups, values"))
def ids_share_rows_with_the_wrong_neighbours(bundle: Copy) -> None:
    """The blocks of ids that share a row start one id too late."""
    with bundle.graph() as graph:
        # Reserved ids come before the first block; the last subtraction is the penalty on scores.
        graph.values(graph.operators("SUB")[0].inputs[1], "int32")[...] += 1


@known_bad("memcom, int8", everywhere("look-ups"))
def one_bit_of_an_id_that_no_test_vector_holds(bundle: Copy) -> None:
    """The lowest bit of one multiplier: every answer that is looked at is right."""
    opened = open_bundle(bundle.folder)
    given = {int(one) for vector in opened.vectors.vectors for one in vector.inputs["ids"]}
    unseen = max(set(range(opened.manifest.inputs[0].size)) - given)
    with bundle.graph() as graph:
        multipliers(graph).view(np.uint32)[unseen] ^= 1


def tables_of(graph: Graph, layer: str) -> dict[str, int]:
    """Return the tensors of a twin's tables by name: those that the rows of its vectors are gathered from."""
    [vectors] = [n for n, each in enumerate(graph.graph.tensors) if each.name == f"{layer}/vectors".encode()]
    [product] = [each for each in graph.operators("MUL") if each.outputs[0] == vectors]
    gathers = {int(each.outputs[0]): int(each.inputs[0]) for each in graph.operators("GATHER")}
    tables = [gathers[int(rows)] for rows in product.inputs]
    return {"multiplier" if graph.shape(table)[1] == 1 else "shared": table for table in tables}


@known_bad("twins", everywhere("look-ups, values"))
def two_tables_of_one_shape_are_swapped(bundle: Copy) -> None:
    """Each input is looked up in the other one's table: every shape is right, and every number is in the file."""
    with bundle.graph() as graph:
        one, other = (graph.graph.tensors[tables_of(graph, layer)["shared"]] for layer in TWINS)
        assert list(one.shape) == list(other.shape)
        one.buffer, other.buffer = other.buffer, one.buffer


def one_bit_of(layer: str, table: str) -> None:
    """Declare a bundle with one byte of a table changed: in a model of several layers all of them are checked."""

    def breaks(bundle: Copy) -> None:
        """The lowest bit of the last number: no answer tells."""
        with bundle.graph() as graph:
            graph.values(tables_of(graph, layer)[table], "uint32")[-1, -1] ^= 1

    breaks.__name__ = f"one_bit_of_{table}_of_{layer}"
    known_bad("twins", everywhere("look-ups"))(breaks)


for twin in TWINS:
    for name in ("shared", "multiplier"):
        one_bit_of(twin, name)
