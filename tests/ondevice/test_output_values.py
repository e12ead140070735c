"""Output layers by hand: golden scores, sizes, and the requests that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ondevice.embeddings.method import registry as methods
from ondevice.errors import UsageError
from ondevice.models.clusters import cluster, nearest
from ondevice.models.output import registry
from ondevice.models.rank_one import rank_one
from ondevice.topk.parts import FLOAT32, INT8
from ondevice.training.choose import choose_output
from ondevice.training.config import TrainConfig


def scores(name: str, size: int, weights: dict[str, Any], hidden: list[float], **fields: Any) -> list[float]:
    output = registry.load(name)(size, len(hidden), **fields)
    arrays = {key: np.array(value, np.uint8 if key == "codes" else np.float32) for key, value in weights.items()}
    found = np.array(output.training_scores(np.array([hidden], np.float32), arrays))[0]
    kernel, bias = output.as_dense(arrays)
    np.testing.assert_allclose(np.array(hidden) @ kernel + bias, found, rtol=1e-6)
    return found.tolist()


def test_dense() -> None:
    weights = {"kernel": [[1, 2, 3], [4, 5, 6]], "bias": [0, 1, 0]}
    assert scores("dense", 3, weights, [1, -2]) == [-7, -7, -9]


def test_low_rank() -> None:
    weights = {"narrow": [[1], [3]], "factor": [[1], [2], [-1]], "bias": [0, 0.5, 1]}
    assert scores("low_rank", 3, weights, [1, -2], rank=1) == [-5, -9.5, 6]


def test_local_low_rank() -> None:
    """Five items in three runs of 2, 2 and 1, of which the first two are joined; two rows each, h = [1, -2]."""
    weights = {
        # Rank by rank: padding and unknown, the first cut, the second.
        "rows": [[1, 0], [1, 1], [0, 1], [0, 0], [2, 0], [5, 1]],
        "bias": [0, 1, 0, 0, 0, 3],
        "multiplier": [[1, 1, 1, 2, 3, 4, 5], [1, 1, 1, -1, 0, 2, 10]],
    }
    # Products 1, 0, -2 and 0, 2, 6.
    found = scores("local_low_rank", 7, weights, [1, -2], runs=3, joined=2, rank=2)
    assert found == [1, 1, 2, -2, 0, 4, 50]


def test_local_low_rank_is_exact_where_the_rank_is_that_of_every_cut() -> None:
    rng = np.random.default_rng(0)
    output = registry.load("local_low_rank")(62, 8, 6, 2, 3)
    cut = np.concatenate([[0, 0], np.arange(60) // 20 + 1])
    rows = rng.standard_normal((3, 9, 4))
    columns = np.einsum("rwc,rn->wnc", rows, rng.standard_normal((3, 62)))[:, np.arange(62), cut]
    columns -= columns.mean(axis=1, keepdims=True)
    kernel, bias = output.as_dense(output.fitted(columns[:-1], columns[-1], 0))
    # The means that are taken off are one more direction.
    wider = registry.load("local_low_rank")(62, 8, 6, 2, 4)
    kernel, bias = wider.as_dense(wider.fitted(columns[:-1], columns[-1], 0))
    np.testing.assert_allclose(kernel, columns[:-1], atol=1e-5)
    np.testing.assert_allclose(bias, columns[-1], atol=1e-5)


def test_product_codes() -> None:
    weights = {"codes": [[0, 1, 1], [1, 1, 0]], "codebooks": [[1, 2, 10], [3, 4, 20]], "bias": [[0, 1], [0, 5]]}
    # Parts (1, -2) and (3): T_0 = (-3, -5), T_1 = (31, 65).
    found = scores("product_codes", 3, weights, [1, -2, 3], codes=2, codewords=2)
    assert found == [62, 60, 26]


@pytest.mark.parametrize(("own", "expected"), [(True, [0, 0, -6, -25, 9, -5]), (False, [0, 0, -3, -50, 3, -2.5])])
def test_tied_to_the_rows_of_the_hand_vector(own: bool, expected: list[float]) -> None:
    """U = [[1, 2], [3, 4]], V = [1, 10, -1, 0.5], h = [1, -2]: products -3 and -5, by turns."""
    method = methods.load("memcom")(6, 2, 2)
    weights = {"shared": [[0, 0], [0, 0], [1, 2], [3, 4]], "multiplier": [[1], [1], [1], [10], [-1], [0.5]]}
    if own:
        weights["output_multiplier"] = [1, 1, 2, 5, -3, 1]
    assert scores("tied", 6, weights, [1, -2], method=method, own_multipliers=own) == expected


def test_tied_in_blocks_of_uneven_length() -> None:
    method = methods.load("memcom")(7, 2, 2, sharing="block")
    weights = {
        "shared": [[1, 0], [1, 2], [3, 4]],
        "multiplier": [[1]] * 7,
        "output_multiplier": [1, 1, 1, 10, -1, 1, 2],
    }
    found = scores("tied", 7, weights, [1, -2], method=method)
    assert found == [1, 1, -3, -30, 3, -5, -10]


def test_eightfold_and_thirtytwofold_are_as_many_bytes_per_item_as_expected() -> None:
    method = methods.load("memcom").for_ratio(1_000_002, 64, 16.0, sharing="block")
    found = {ratio: registry.load("low_rank").for_ratio(method, 64, ratio) for ratio in (8.0, 32.0)}
    assert {ratio: output.parameters() for ratio, output in found.items()} == {
        8.0: {"rank": 31, "bias": True},
        32.0: {"rank": 7, "bias": True},
    }
    local = {ratio: registry.load("local_low_rank").for_ratio(method, 64, ratio) for ratio in (8.0, 32.0)}
    assert {ratio: output.parameters() for ratio, output in local.items()} == {
        8.0: {"runs": 46_874, "joined": 2, "rank": 12},
        32.0: {"runs": 46_874, "joined": 2, "rank": 3},
    }
    codes = registry.load("product_codes").for_ratio(method, 64, 32.0)
    assert codes.parameters() == {"codes": 8, "codewords": 256}
    assert codes.payload_bytes(INT8) == 8 * 1_000_002 + 64 * 256 + 8 * 256 * 4
    dense = registry.load("dense").for_ratio(method, 64, 1.0)
    assert dense.payload_bytes(FLOAT32) == 65 * 4 * 1_000_002
    assert dense.ratio == pytest.approx(260 / 68)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"output": "tyed"}, "unknown output layer 'tyed', did you mean 'tied'"),
        ({"output_ratio": 4.0}, "output_ratio 4 is out of reach for dense with 302 ids and 64 hidden units"),
        ({"output_ratio": 0.5}, "output_ratio is 0.5; allowed is a number of at least 1"),
        ({"output": "low_rank", "output_options": {"rank": 3}}, "option 'rank' is not known to output layer"),
        ({"output": "low_rank", "output_options": {"bias": 1}}, "option bias is 1; allowed is true or false"),
        (
            {"output": "low_rank", "output_options": {"codewords": 1}},
            "is not known to output layer low_rank; it has bias",
        ),
        ({"output": "product_codes", "output_options": {"codewords": 300}}, "codewords is 300; allowed is 2 to 256"),
        (
            {"output": "tied", "method": "full"},
            "embedding method is full; allowed for output layer tied is memcom",
        ),
        ({"output": "tied", "options": {"bias": True}}, "embedding method is memcom with {'bias': True, 'multipliers'"),
    ],
)
def test_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        configured(config)
    assert message in str(raised.value)


def configured(config: dict[str, Any]) -> None:
    settings = TrainConfig("synthetic", **config)
    kind = methods.load(settings.method)
    choose_output(settings, kind.for_ratio(302, 64, 1.0 if settings.method == "full" else 8.0, **settings.options))


def test_width_is_that_of_the_hidden_vector() -> None:
    method = methods.load("full")(302, 16)
    assert choose_output(TrainConfig("x", method="full", hidden=(8, 4)), method).width == 4
    assert choose_output(TrainConfig("x", method="full", hidden=()), method).width == 16


def test_multiples_of_shared_rows_are_found() -> None:
    rng = np.random.default_rng(0)
    row = np.array([0, 1, 1, 1, 2, 2])
    points = rng.standard_normal((3, 5))[row] * rng.standard_normal(6)[:, None]
    shared, multiplier = rank_one(points, row, 3)
    np.testing.assert_allclose(shared[row] * multiplier[:, None], points, rtol=1e-6)
    for number in range(3):
        assert np.mean(multiplier[row == number] ** 2) == pytest.approx(1)


def test_clusters_far_apart_are_found_and_points_go_to_the_nearest() -> None:
    rng = np.random.default_rng(1)
    middles = np.array([[0, 0], [100, 0], [0, 100], [100, 100]], float)
    points = np.repeat(middles, 50, axis=0) + rng.standard_normal((200, 2))
    centers = cluster(points, 4, np.random.default_rng(0))
    member = nearest(points, centers)
    assert [len(np.unique(member[start : start + 50])) for start in range(0, 200, 50)] == [1, 1, 1, 1]
    assert len(np.unique(member)) == 4
    assert len(cluster(points[:3], 8, rng)) == 8
