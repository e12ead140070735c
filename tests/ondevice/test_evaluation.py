"""Evaluation data: the same after a round trip through its file, and never silently wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ondevice.data.lists import Lists
from ondevice.errors import OnDeviceError, UsageError
from ondevice.training.evaluation import ARRAYS, Evaluation, without_known


def sample() -> Evaluation:
    rng = np.random.default_rng(0)
    return Evaluation(
        rng.integers(0, 50, (4, 6)).astype(np.int32),
        Lists.of([[3, 4], [], [5], [6, 7, 8]]),
        Lists.of([[9], [10, 11], [], [12]]),
        rng.integers(0, 50, (4, 5)).astype(np.int32),
        -np.sort(-rng.standard_normal((4, 5)).astype(np.float32)),
        rng.random(4).astype(np.float32),
    )


def assert_equal(one: Evaluation, other: Evaluation) -> None:
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("known", "relevant"):
        for part in ("offsets", "values"):
            first, second = (getattr(getattr(each, name), part) for each in (one, other))
            np.testing.assert_array_equal(first, second)
            assert first.dtype == second.dtype


def test_file_round_trip(tmp_path: Path) -> None:
    sample().write(tmp_path / "evaluation.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["evaluation.npz"]
    assert_equal(Evaluation.read(tmp_path / "evaluation.npz"), sample())


def test_of_users_keeps_those_users_in_that_order() -> None:
    chosen = sample().of_users(np.array([3, 0]))
    assert len(chosen) == 2
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(chosen, name), getattr(sample(), name)[[3, 0]])
    assert [ids.tolist() for ids in chosen.known] == [[6, 7, 8], [3, 4]]
    assert [ids.tolist() for ids in chosen.relevant] == [[12], [9]]
    assert len(sample().of_users(np.zeros(0, np.int64))) == 0


def test_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.npz' does not exist"):
        Evaluation.read(tmp_path / "absent.npz")


def test_truncated_file_is_damaged_at_every_length(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.npz"
    sample().write(path)
    whole = path.read_bytes()
    for length in (0, 1, 4, *range(7, len(whole), 61), len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(OnDeviceError, match=r"evaluation\.npz' can't be read: "):
            Evaluation.read(path)


def test_flipped_byte_is_damaged_or_without_effect(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.npz"
    sample().write(path)
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 5):
        for mask in (0x01, 0xFF):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :])
            try:
                found = Evaluation.read(path)
            except OnDeviceError as error:
                assert "evaluation.npz'" in str(error)  # noqa: PT017
                refused += 1
            else:
                assert_equal(found, sample())
    assert refused > len(whole) / 5


def test_missing_array_is_damaged_and_named(tmp_path: Path) -> None:
    path = tmp_path / "evaluation.npz"
    sample().write(path)
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "less.npz", "w") as less:
        for name in whole.namelist():
            if name != "scores.npy":
                less.writestr(name, whole.read(name))
    with pytest.raises(OnDeviceError, match=r"less\.npz' has no array 'scores'"):
        Evaluation.read(tmp_path / "less.npz")


@pytest.mark.parametrize("name", ["scores", "ranges"])
def test_scores_that_are_no_numbers_are_refused_and_never_compared(tmp_path: Path, name: str) -> None:
    evaluation = sample()
    getattr(evaluation, name).flat[0] = np.nan
    evaluation.write(tmp_path / "odd.npz")
    with pytest.raises(OnDeviceError, match="scores that are not finite"):
        Evaluation.read(tmp_path / "odd.npz")


def test_text_is_damaged_too(tmp_path: Path) -> None:
    (tmp_path / "evaluation.npz").write_text("histories\n")
    with pytest.raises(OnDeviceError, match="can't be read"):
        Evaluation.read(tmp_path / "evaluation.npz")


def test_without_known_closes_the_gaps() -> None:
    items = np.array([[5, 3, 9, 7], [1, 2, 3, 4], [6, 5, 4, 3], [8, -1, -1, -1]], np.int32)
    known = Lists.of([[3, 7, 99], [], [3, 4, 5, 6], [1]])
    cleaned = without_known(items, known)
    assert cleaned.dtype == np.int32
    assert cleaned.tolist() == [[5, 9, -1, -1], [1, 2, 3, 4], [-1, -1, -1, -1], [8, -1, -1, -1]]
    assert items[0].tolist() == [5, 3, 9, 7], "what was given is not changed"


@settings(max_examples=60, deadline=None)
@given(
    users=st.lists(
        st.tuples(st.permutations(range(8)), st.lists(st.integers(0, 9), max_size=6)), min_size=1, max_size=4
    )
)
def test_without_known_keeps_the_order_of_the_rest(users: list[tuple[list[int], list[int]]]) -> None:
    items = np.array([given_items for given_items, _ in users], np.int32)
    cleaned = without_known(items, Lists.of([known for _, known in users])).tolist()
    for row, (given_items, known) in zip(cleaned, users, strict=True):
        kept = [item for item in given_items if item not in known]
        assert row == kept + [-1] * (8 - len(kept))
