"""Numbers of dense layers that are not those that were trained, and answers that are wrong for some users only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ondevice.bundle import open_bundle
from tests.known_bad.bad_answers import gather_outputs
from tests.known_bad.good_bundles import reseal
from tests.known_bad.members import Copy, everywhere, known_bad
from tests.known_bad.model_edits import Graph

ANY_LOSS = {"max_loss": 1.0}
"""What the metric says of such files depends on the users; that scores differ does not."""

RNG = np.random.default_rng(0)


def permute_rows(bundle: Copy, count: int) -> None:
    """Let some of the items that are recommended most have each other's weights."""
    assert bundle.run is not None
    with bundle.graph() as graph:
        weights = graph.values(graph.operator("FULLY_CONNECTED").inputs[1], "int8")
        best = np.bincount(bundle.run.evaluation().items[:, :20].ravel(), minlength=len(weights))
        items = np.argsort(-best, kind="stable")[:count]
        weights[items] = weights[np.roll(items, 1)]


def output_bias(graph: Graph) -> npt.NDArray[np.float32]:
    """Return the biases of the output layer, wherever they are added."""
    tensor = graph.operator("FULLY_CONNECTED").inputs[2]
    if tensor < 0:
        tensor = next(each.inputs[1] for each in graph.operators("ADD")[::-1] if len(graph.shape(each.inputs[1])) <= 2)
    return graph.values(tensor, "float32").reshape(-1)


def step(bundle: Copy) -> float:
    """Return a step of the scores: a 255th of the least range of a test vector."""
    return min(vector.ranges["scores"] for vector in open_bundle(bundle.folder).vectors.vectors) / 255


@known_bad("memcom, int8", everywhere("values"), with_run=True, options=ANY_LOSS)
def output_rows_of_two_items_are_swapped(bundle: Copy) -> None:
    """Two items that are recommended often have each other's weights."""
    permute_rows(bundle, 2)


@known_bad("memcom, int8", everywhere("values"), with_run=True, options=ANY_LOSS)
def output_rows_of_a_hundred_items_are_permuted(bundle: Copy) -> None:
    """A hundred items have each other's weights."""
    permute_rows(bundle, 100)


@known_bad("memcom, int8", everywhere("values"), with_run=True, options=ANY_LOSS)
def output_biases_are_moved_by_ten_steps(bundle: Copy) -> None:
    """Every score is off by ten steps, up or down."""
    moved = 10 * step(bundle)
    with bundle.graph() as graph:
        bias = output_bias(graph)
        bias += moved * RNG.choice([-1, 1], len(bias)).astype(np.float32)


@known_bad("memcom, int8", everywhere("values"), with_run=True, options=ANY_LOSS)
def the_tenth_item_is_always_missing(bundle: Copy) -> None:
    """The eleventh takes its place, and so on."""
    leave_out(bundle, 9)


@known_bad("memcom, int8", everywhere("values"), with_run=True, options=ANY_LOSS)
def the_twentieth_item_is_always_another(bundle: Copy) -> None:
    """The thirtieth stands in its place."""
    leave_out(bundle, 19, 29)


def leave_out(bundle: Copy, place: int, instead: int | None = None) -> None:
    """Rank more items than are returned and leave one out; perhaps with another at the end."""
    ranked = 1 + max(20, instead or 0)
    with bundle.graph() as graph:
        top = graph.operator("TOPK_V2")
        graph.values(top.inputs[1], "int32")[...] = ranked
        for output in top.outputs:
            graph.graph.tensors[output].shape = np.array([1, ranked], np.int32)
        kept = [each for each in range(ranked) if each != place][:20]
        gather_outputs(graph, ("items", "scores"), kept if instead is None else [*kept[:19], instead])


@known_bad("memcom, int8", everywhere("constants"), sealed=False)
def output_biases_are_moved_by_one_step(bundle: Copy) -> None:
    """Every score is off by one step, up or down, which is within what rounding costs."""
    move_biases(bundle, 1.0)


def move_biases(bundle: Copy, steps: float) -> None:
    """Move biases by so many steps and allow for it: nothing but their digest tells."""
    moved = steps * step(bundle)
    with bundle.graph() as graph:
        bias = output_bias(graph)
        bias += moved * RNG.choice([-1, 1], len(bias)).astype(np.float32)
    reseal(bundle.folder, constants=False, score_tolerance_steps=20.0)


@known_bad("memcom, int8", everywhere("constants"), sealed=False)
def biases_are_a_twentieth_smaller(bundle: Copy) -> None:
    """All biases of the output layer by 0.95."""
    with bundle.graph() as graph:
        output_bias(graph)[:] *= 0.95
    reseal(bundle.folder, constants=False, score_tolerance_steps=20.0)


@known_bad("memcom, int8", everywhere("constants"), sealed=False)
def one_hidden_weight_is_another(bundle: Copy) -> None:
    """One of the weights of the hidden layer is off by 40 of 127."""
    with bundle.graph() as graph:
        weights = graph.values(graph.operators("FULLY_CONNECTED")[0].inputs[1], "int8")
        place = np.unravel_index(np.argmin(np.abs(weights.astype(int))), weights.shape)
        weights[place] += 40
    reseal(bundle.folder, constants=False, score_tolerance_steps=20.0)


@known_bad("memcom, int8", everywhere("constants"), sealed=False)
def one_hidden_bias_is_another(bundle: Copy) -> None:
    """One bias of the hidden layer is 0.02 more."""
    with bundle.graph() as graph:
        graph.values(graph.operators("FULLY_CONNECTED")[0].inputs[2], "float32").reshape(-1)[0] += 0.02
    reseal(bundle.folder, constants=False, score_tolerance_steps=20.0)


@known_bad("memcom, int8", {}, refused="NaN is not a finite number")
def tolerance_is_not_a_number(bundle: Copy) -> None:
    """Nothing is larger than what is no number, so that every difference would be allowed."""
    path = bundle.folder / "manifest.json"
    text = path.read_text()
    place = text.index('"score_tolerance_steps"')
    colon, comma = text.index(":", place), text.index(",", place)
    path.write_text(f"{text[:colon]}: NaN{text[comma:]}")


@known_bad("memcom, int8", everywhere("constants"), sealed=False)
def scale_of_an_output_layer_is_another(bundle: Copy) -> None:
    """All bytes are right, and are read with a scale that is a twentieth smaller."""
    with bundle.graph() as graph:
        weights = graph.graph.tensors[graph.operator("FULLY_CONNECTED").inputs[1]]
        weights.quantization.scale = np.array(weights.quantization.scale, np.float32) * np.float32(0.95)
    reseal(bundle.folder, constants=False, score_tolerance_steps=40.0)


@known_bad("memcom, int8", everywhere("constants"), sealed=False)
def output_biases_are_moved_by_two_steps(bundle: Copy) -> None:
    """Every score is off by two steps, up or down."""
    move_biases(bundle, 2.0)
