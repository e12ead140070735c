"""Numbers of ids laid out run by run: every id has a place of its own, in the row of its run, whatever the encoding."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ondevice.embeddings.method import registry as methods
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.run_layout import RunLayout
from ondevice.embeddings.sharing import run_of
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.ids import RESERVED_IDS, run_starts
from ondevice.quantize.encode import encode
from ondevice.quantize.scheme import registry as schemes
from ondevice.topk.runs import joined

XP = NumpyOps()


@pytest.mark.parametrize("items", range(1, 24))
def test_every_id_has_a_place_of_its_own_in_the_row_of_its_run(items: int) -> None:
    ids = np.arange(items + RESERVED_IDS, dtype=np.int32)
    for runs in range(1, items + 1):
        layout = RunLayout(items, runs)
        places = layout.place(ids, XP)
        assert (places.dtype, places.min() >= 0, places.max() < math.prod(layout.shape)) == (np.int32, True, True)
        assert len(set(places.tolist())) == len(ids)
        row = run_of(ids - RESERVED_IDS, items, runs, XP) + 1
        assert (places // layout.longest).tolist() == row.tolist()
        first = layout.first_id(np.arange(runs, dtype=np.int32), XP)
        assert first.tolist() == (run_starts(items, runs)[:-1] + RESERVED_IDS).tolist()
        assert (places % layout.longest)[first].tolist() == [0] * runs


@pytest.mark.parametrize("items", range(1, 24))
def test_empty_places_repeat_the_number_before(items: int) -> None:
    ids = np.arange(items + RESERVED_IDS, dtype=np.int32)
    for runs in range(1, items + 1):
        layout = RunLayout(items, runs)
        rows = layout.laid_out(ids)
        flat = rows.ravel()
        assert rows.shape == layout.shape
        assert flat[layout.place(ids, XP)].tolist() == ids.tolist()
        assert np.all(np.diff(flat) >= 0), "ids stay in their order"
        assert len(flat) - len(ids) < layout.longest + runs, "no more is empty than one place a run and a row"
        np.testing.assert_array_equal(joined(rows.astype(np.float32), layout), ids)


@pytest.mark.parametrize("scheme", schemes.names())
@pytest.mark.parametrize("runs", [4, 7, 17, 51])
def test_rows_of_the_layout_hold_what_the_ids_have(scheme: str, runs: int) -> None:
    """Read run by run or id by id, with NumPy or TensorFlow, a number is the same to the last bit."""
    method = methods.load("memcom")(53, 8, runs, "block")
    rng = np.random.default_rng(runs)
    values = {table.name: rng.normal(1, 0.5, (table.rows, table.width)).astype(np.float32) for table in method.tables()}
    layout = RunLayout(method.items, method.runs)
    entry = encode(method, values, scheme, layouts={"multiplier": layout}).tables["multiplier"]
    ids = np.arange(53, dtype=np.int32)
    by_id = entry.rows(ids, XP)
    for xp in (XP, TensorFlowOps()):
        rows = np.array(entry.laid_out(np.arange(layout.shape[0], dtype=np.int32), xp))
        assert rows.shape == layout.shape
        np.testing.assert_array_equal(rows.ravel()[layout.place(ids, XP)], by_id[:, 0])
        np.testing.assert_array_equal(entry.rows(ids, xp), by_id)


def test_a_table_without_layout_is_not_read_by_runs() -> None:
    method = methods.load("memcom")(53, 8, 7, "block")
    values = {table.name: np.ones((table.rows, table.width), np.float32) for table in method.tables()}
    entry = encode(method, values, "float32").tables["multiplier"]
    with pytest.raises(ValueError, match="'multiplier' is not laid out by runs"):
        entry.laid_out(np.zeros(1, np.int32), XP)
