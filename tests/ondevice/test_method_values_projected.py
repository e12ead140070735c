"""Golden vectors of the methods that multiply matrices, and what the fixed order of their sums promises."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ondevice.embeddings.every_id import reference_lookup, rows_used
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import registry
from ondevice.embeddings.methods import tensor_train
from ondevice.embeddings.methods.path_based import function_parameters
from ondevice.embeddings.methods.tensor_train import split_items, split_width
from ondevice.embeddings.ops import NumpyOps
from ondevice.embeddings.tensorflow_ops import TensorFlowOps
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.models.network import pooled_network
from ondevice.training.choose import choose_output
from ondevice.training.fit import _stored
from ondevice.training.reference import load_reference
from tests.samples import METHODS, sample_tables
from tests.tiny_runs import tiny_config

load = registry.load

BINDINGS = pytest.mark.parametrize("xp", [NumpyOps(), TensorFlowOps()], ids=["numpy", "tensorflow"])


@BINDINGS
def test_sums_are_made_in_order_and_rounded_each_time(xp) -> None:
    """In float32 1e8 + 1 is 1e8, so that only the order of the numbers tells whether the one is lost."""
    values, ones = np.array([[1e8, 1, -1e8], [1e8, -1e8, 1]], np.float32), np.ones((3, 2), np.float32)
    assert np.array(xp.project(values, ones)).tolist() == [[0, 0], [1, 1]]
    right = np.stack([ones, ones])
    assert np.array(xp.products(values[:, None, :], right)).tolist() == [[[0, 0]], [[1, 1]]]


@BINDINGS
def test_products_are_matrix_products(xp) -> None:
    left = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    right = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(xp.products(left, right), left @ right)
    np.testing.assert_array_equal(xp.project(left, right[0]), left @ right[0])
    np.testing.assert_array_equal(xp.unfold(right, 2), right.reshape(2, 3, 2, 2))
    np.testing.assert_array_equal(xp.join_last_axes(xp.unfold(right, 2)), right)


def test_factorized_hand_vector() -> None:
    method = load("factorized")(10, 4, 2)
    narrow = np.zeros((10, 2), np.float32)
    narrow[[0, 2, 9]] = [[5, 0], [1, 2], [3, -1]]
    tables = {"narrow": narrow, "projection": np.array([[1, 10, 100, 0], [0, 1, 0, 2]], np.float32)}
    vectors = reference_lookup(method, tables, np.array([0, 1, 2, 9], np.int32))
    assert vectors.tolist() == [[5, 50, 500, 0], [0, 0, 0, 0], [1, 12, 100, 4], [3, 29, 300, -2]]


def test_a_trained_width_is_multiplied_out() -> None:
    method = load("factorized")(10, 4, 1, trained_width=3)
    tables = {
        "narrow": np.arange(30, dtype=np.float32).reshape(10, 3),
        "narrowing": np.array([[1], [10], [100]], np.float32),
        "projection": np.ones((1, 4), np.float32),
    }
    assert method.fold(tables)["narrow"][:2].tolist() == [[210], [543]]
    assert method.stored() == load("factorized")(10, 4, 1)
    assert method.stored_parameters == 10 + 4


def test_ratios_of_factorized() -> None:
    factorized = load("factorized")
    # 1,000 ids and 64 rows of the projection: 1,064 numbers per rank, of 64,000.
    assert [factorized.for_ratio(1_000, 64, ratio).rank for ratio in (1, 2, 16, 60)] == [60, 30, 3, 1]
    assert factorized.for_ratio(1_000, 64, 2, trained_width=40).rank == 30
    assert factorized.for_ratio(1_000, 64, 2, trained_width=20).rank == 20, "no larger than the trained width"
    with pytest.raises(UsageError, match=r"ratio 61 is out of reach for factorized .* at most 60\.15"):
        factorized.for_ratio(1_000, 64, 61)


def test_a_run_keeps_the_folded_tables(tiny_run) -> None:
    run = tiny_run("factorized trained")
    assert run.config.options == {"trained_width": 12}
    method = run.method()
    assert method.parameters()["trained_width"] == 0
    model, tables = load_reference(run)
    assert {name: values.shape for name, values in tables.items()} == {"narrow": (302, 3), "projection": (3, 16)}
    assert run.result.model_parameters == model.count_params()


def test_the_network_kept_answers_as_the_trained_one() -> None:
    config, method = tiny_config("factorized trained"), load("factorized")(40, 16, 3, trained_width=12)
    keras.utils.set_random_seed(0)
    trained = pooled_network(method, config.hidden, config.dropout)
    stored, kept = _stored(config, method, choose_output(config, method), trained, 0)
    assert stored == method.stored()
    assert kept.count_params() < trained.count_params()
    ids = np.arange(40, dtype=np.int32).reshape(4, 10)
    np.testing.assert_array_equal(kept(ids, training=False), trained(ids, training=False))


def test_path_based_hand_vector() -> None:
    method = load("path_based")(32, 2, 2, 15, 1)
    tables = {table.name: np.zeros((table.rows, table.width), np.float32) for table in method.tables()}
    tables["quotient"][:4] = [[9, 9], [8, 8], [1, 2], [3, -1]]
    tables["hidden_weights"][:] = [[1, 1], [2, 1], [-1, 0]]
    tables["hidden_bias"][:] = [[0], [-1], [0]]
    tables["output_weights"][:] = [[1, 2], [1, 10], [1, 1]]
    tables["output_bias"][:] = [[0, 0], [0.5, 0], [7, 8]]
    vectors = reference_lookup(method, tables, np.arange(6, dtype=np.int32))
    # Items 0 and 1 have row [1, 2], items 2 and 3 row [3, -1]; the rectifier stops the second function.
    assert vectors.tolist() == [[18, 36], [16, 32], [3.5, 30], [7, 8], [4.5, 40], [7, 8]]


def test_path_based_hand_vector_of_three_partitions() -> None:
    """Remainders 0 to 4 have functions 0, 1, 2, 0, 1 of the second partition and 0, 0, 0, 1, 1 of the third."""
    method = load("path_based")(52, 2, 5, 10, 1, partitions=3)
    assert method.moduli == (3, 2)
    tables = {table.name: np.zeros((table.rows, table.width), np.float32) for table in method.tables()}
    tables["quotient"][:4] = [[9, 9], [8, 8], [1, 2], [3, -1]]
    tables["hidden_weights"][:] = [[1, 1], [1, 0], [0, 1], [1, 1]]
    tables["output_weights"][:] = [[1, 1], [1, 2], [3, 4], [5, 6]]
    tables["hidden_2_weights"][:] = [[1, 1], [1, 0], [0, 1]]
    tables["output_2_weights"][:] = [[1, 10], [1, 100], [1, 1000]]
    tables["output_2_bias"][:] = [[0, 0], [0, 0], [0, 7]]
    vectors = reference_lookup(method, tables, np.arange(8, dtype=np.int32))
    # Item 2 has row [1, 2], of which the third function makes [15, 18], and of that the first one [15, 1500].
    assert vectors.tolist() == [
        [36, 360], [32, 320], [1, 100], [6, 600], [15, 1500], [2, 2007], [8, 8007], [3, 300],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("collisions", "partitions", "moduli"),
    [(2, 2, (2,)), (7, 2, (7,)), (4, 3, (2, 2)), (5, 3, (3, 2)), (6, 3, (3, 2)), (7, 3, (3, 3)), (28, 4, (4, 3, 3))],
)
def test_functions_of_each_partition_are_as_few_as_can_be(collisions: int, partitions: int, moduli: tuple) -> None:
    assert load("path_based")(10_002, 12, collisions, 5_000, 1, partitions).moduli == moduli


@pytest.mark.parametrize(("hidden", "numbers"), [(16, 544), (32, 1_072), (64, 2_128), (128, 4_240)])
def test_numbers_per_function(hidden: int, numbers: int) -> None:
    assert function_parameters(16, hidden) == 33 * hidden + 16 == numbers
    method = load("path_based")(100_002, 16, 4, 25_000, hidden)
    assert method.stored_parameters == 25_002 * 16 + 5 * numbers


@pytest.mark.parametrize("items", [40, 51, 97])
def test_no_two_ids_share_row_and_function(items: int) -> None:
    for collisions in (2, 3, 5):
        method = load("path_based")(items + RESERVED_IDS, 12, collisions, -(-items // collisions), 1)
        pairs = np.concatenate([rows_used(method, "quotient"), rows_used(method, "hidden_weights")], axis=1)
        assert len(np.unique(pairs, axis=0)) == method.vocabulary_size
        for other in ("hidden_bias", "output_weights", "output_bias"):
            np.testing.assert_array_equal(rows_used(method, other), rows_used(method, "hidden_weights"))


@pytest.mark.parametrize("items", [40, 51, 97])
@pytest.mark.parametrize(("collisions", "partitions"), [(4, 3), (5, 3), (9, 3), (11, 4)])
def test_no_two_ids_share_row_and_all_functions(items: int, collisions: int, partitions: int) -> None:
    method = load("path_based")(items + RESERVED_IDS, 40, collisions, -(-items // collisions), 1, partitions)
    names = ["quotient", "hidden_weights", *(f"hidden_{number}_weights" for number in range(2, partitions))]
    paths = np.concatenate([rows_used(method, name) for name in names], axis=1)
    assert len(np.unique(paths, axis=0)) == method.vocabulary_size


@pytest.mark.parametrize("ratio", [1, 2, 4, 7.5, 16])
def test_path_based_fills_the_budget_with_rows(ratio: float) -> None:
    method = load("path_based").for_ratio(41_000, 64, ratio)
    assert method.parameters()["hidden"] == 0
    assert method.stored_parameters <= 41_000 * 64 / ratio <= method.stored_parameters + 64


def test_path_based_of_few_ids_is_refused_without_a_ratio_that_there_is_none_of() -> None:
    with pytest.raises(
        UsageError, match=r"12 ids of width 8 would store no fewer numbers than the full table's 96; use"
    ):
        load("path_based").for_ratio(12, 8, 2)


def test_more_partitions_reach_a_higher_ratio() -> None:
    nearest = {}
    for partitions in (2, 3, 4):
        with pytest.raises(UsageError, match="out of reach for path_based") as raised:
            load("path_based").for_ratio(41_000, 64, 1e6, partitions=partitions)
        nearest[partitions] = float(str(raised.value).rpartition(" ")[2].rstrip("."))
        method = load("path_based").for_ratio(41_000, 64, nearest[partitions], partitions=partitions)
        assert nearest[partitions] <= method.ratio < nearest[partitions] + 0.1
    assert nearest[2] < nearest[3] < nearest[4]


def test_tensor_train_hand_vector() -> None:
    method = load("tensor_train")(10, 2, 1, 1)
    assert [(table.rows, table.width) for table in method.tables()] == [(4, 2), (3, 1), (3, 1)]
    tables = {
        "core_1": np.array([[5, 6], [7, 8], [1, 2], [3, 4]], np.float32),
        "core_2": np.array([[-1], [1], [10]], np.float32),
        "core_3": np.array([[2], [1], [100]], np.float32),
    }
    vectors = reference_lookup(method, tables, np.arange(10, dtype=np.int32))
    first = [[1, 2], [3, 4], [10, 20], [30, 40]]
    second = [[100 * number for number in pair] for pair in first]
    assert vectors.tolist() == [[-10, -12], [-14, -16], *first, *second]


@pytest.mark.parametrize("name", ["tensor_train", "tensor_train narrow"])
def test_tensor_train_is_the_reconstructed_table(name: str) -> None:
    method = METHODS[name]
    tables = sample_tables(method, 7)
    (m1, m2, m3), (e1, e2, e3) = split_items(method.items), split_width(method.width)
    ranks = method.parameters()
    left, right = ranks["left_rank"], ranks["right_rank"]
    first = tables["core_1"][2:].reshape(m1, e1, left).astype(np.float64)
    second = tables["core_2"][1:].reshape(m2, left, e2, right)
    third = tables["core_3"][1:].reshape(m3, right, e3)
    whole = np.einsum("xar,yrbs,zsc->zyxabc", first, second, third).reshape(m3, m2 * m1, method.width)
    # The runs of neighbours: the first ones are one item longer.
    lengths = [len(run) for run in np.array_split(np.arange(method.items), m3)]
    expected = np.concatenate([whole[run][np.arange(start, start + length) % (m1 * m2)] for run, (start, length) in
                               enumerate(zip(np.cumsum([0, *lengths]), lengths, strict=False))])  # fmt: skip
    every = np.arange(RESERVED_IDS, method.vocabulary_size, dtype=np.int32)
    np.testing.assert_allclose(reference_lookup(method, tables, every), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("exact", [True, False])
def test_all_pairs_at_once_give_what_each_id_gives_alone(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    method = METHODS["tensor_train"]
    tables = sample_tables(method, 7)
    asked: list[int] = []

    def vectors() -> np.ndarray:
        def rows(name: str, index: Any) -> Any:
            asked.append(int(np.size(index)))
            return tf.gather(tables[name], index)

        return method.lookup(tf.range(method.vocabulary_size), rows, TensorFlowOps(exact, batched=True)).numpy()

    at_once = vectors()
    monkeypatch.setattr(tensor_train, "PAIRS_AT_ONCE", 0)
    alone = vectors()
    pairs = len(tables["core_1"]) * len(tables["core_2"])
    assert asked == [pairs, pairs, *[method.vocabulary_size] * 4]
    if exact:
        np.testing.assert_array_equal(at_once, alone)
    else:
        np.testing.assert_allclose(at_once, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("items", [8, 9, 27, 51, 300, 1_000])
def test_no_two_ids_share_all_slices(items: int) -> None:
    method = load("tensor_train")(items + RESERVED_IDS, 64, 1, 1)
    rows = np.concatenate([rows_used(method, table.name) for table in method.tables()], axis=1)
    assert len(np.unique(rows, axis=0)) == method.vocabulary_size
    assert [len(np.unique(column)) for column in rows.T] == [table.rows for table in method.tables()]


@pytest.mark.parametrize(
    ("width", "factors"), [(64, (4, 4, 4)), (48, (4, 3, 4)), (32, (4, 2, 4)), (16, (4, 2, 2)), (7, (7, 1, 1))]
)
def test_the_width_is_split_evenly_with_the_least_in_the_middle(width: int, factors: tuple[int, int, int]) -> None:
    assert sorted(split_width(width)) == sorted(factors)
    assert split_width(width)[1] == min(factors)


@pytest.mark.parametrize("ratio", [1, 2, 4, 7.5, 16, 60])
def test_tensor_train_stores_most_of_the_budget(ratio: float) -> None:
    budget = 41_000 * 64 / ratio
    assert 0.99 * budget < load("tensor_train").for_ratio(41_000, 64, ratio).stored_parameters <= budget


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("factorized", (10, 4, 0), "rank is 0; allowed is 1 to 2"),
        ("factorized", (10, 4, 3), "rank is 3; allowed is 1 to 2"),
        ("factorized", (10, 1, 1), "width is 1; allowed is at least 2"),
        ("factorized", (10, 4, 2, 1), "trained_width is 1; allowed is 0 or at least the rank 2"),
        ("path_based", (32, 2, 2, 15, -1), "hidden is -1; allowed is at least 0"),
        ("path_based", (32, 2, 1, 30, 1), "collisions is 1; allowed is 2 to 30"),
        ("path_based", (32, 2, 3, 15, 1, 3), "collisions is 3; allowed is 4 to 30"),
        ("path_based", (32, 2, 2, 15, 1, 1), "partitions is 1; allowed is at least 2"),
        ("path_based", (32, 2, 2, 14, 1), "rows is 14; allowed is 15 to 30"),
        ("path_based", (32, 2, 2, 15, 3), "would store 85 numbers, no fewer than the full table's 64; use method full"),
        ("tensor_train", (9, 8, 1, 1), "vocabulary_size is 9; allowed is at least 10"),
        ("tensor_train", (53, 8, 9, 5), "left_rank is 9; allowed is 1 to 8"),
        ("tensor_train", (53, 8, 1, 9), "right_rank is 9; allowed is 1 to 8"),
        ("tensor_train", (53, 8, 8, 8), "would store 816 numbers, more than the full table's 424; use method full"),
    ],
)
def test_senseless_fields_are_refused(name: str, arguments: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load(name)(*arguments)


@pytest.mark.parametrize("name", ["factorized", "path_based", "tensor_train"])
def test_vectors_start_with_the_spread_of_an_ordinary_embedding(name: str) -> None:
    """Of a table large enough that chance plays no part, at a ratio in use."""
    method = load(name).for_ratio(4_002, 64, 4)
    keras.utils.set_random_seed(0)
    layer = CompressedEmbedding.of(method)
    layer.build((None, None))
    vectors = reference_lookup(method, layer.table_values(), np.arange(2, 4_002, dtype=np.int32))
    assert np.std(vectors) == pytest.approx(0.05 / np.sqrt(3), rel=0.1)
