"""The data set profiles: each parses, names a reader, and sets only what can be set."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.data import dataset
from ondevice.data.reader import registry as readers
from ondevice.errors import OnDeviceError, UsageError
from ondevice.training.config import TrainConfig, check_setting

PROFILE = """title = "mine"
reader = "synthetic"
source = "made up"
history_length = 8

[training]
epochs = 3
"""


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(dataset.family, "folder", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", dataset.names())
def test_every_profile_parses_and_names_a_reader(name: str) -> None:
    profile = dataset.load(name)
    assert profile.name == name
    assert profile.reader in readers.names()
    assert profile.title
    assert profile.source
    assert profile.history_length >= (0 if profile.of_fields else 1)


@pytest.mark.parametrize("name", dataset.names())
def test_every_profile_sets_only_training_settings_in_range(name: str) -> None:
    profile = dataset.load(name)
    for setting, value in profile.training.items():
        kind = check_setting(setting)
        assert isinstance(value, (int, float) if kind is float else int), setting
    length = {} if profile.of_fields else {"history_length": profile.history_length}
    config = TrainConfig(name, **{**length, **profile.training})
    assert config.dataset == name


def test_profiles_found_are_pinned() -> None:
    assert dataset.names() == [
        "amazon-2014", "amazon-2018", "amazon-2023", "amazon-toys-seq", "click-log", "gowalla", "gowalla-check-ins",
        "imdb", "kddcup2012", "labelled-texts", "lastfm", "movielens", "movielens-100k", "movielens-1m", "pairs",
        "sequences", "synthetic", "synthetic-clicks", "synthetic-texts", "table", "user-items", "yelp",
    ]  # fmt: skip


def test_unknown_data_set_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="unknown dataset 'gowala', did you mean 'gowalla'"):
        dataset.load("gowala")


@pytest.mark.parametrize("name", ["", "../dataset", "synthetic.toml"])
def test_a_path_is_no_name(name: str) -> None:
    with pytest.raises(UsageError, match="unknown dataset"):
        dataset.load(name)


def test_a_file_more_is_a_data_set_more(profiles: Path) -> None:
    (profiles / "mine.toml").write_text(PROFILE)
    assert dataset.names() == ["mine"]
    assert dataset.load("mine").training == {"epochs": 3}


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ('title = "mine"', 'title = "mine"\ncolour = "red"', "colour"),
        ("history_length = 8\n", "", "history_length"),
        ("history_length = 8", 'history_length = "8"', "history_length"),
        ("history_length = 8", "history_length = 8.5", "history_length"),
        ("history_length = 8", "history_length = true", "history_length"),
        ("epochs = 3", 'epochs = "3"', "epochs"),
        ("epochs = 3", "epochs = [3]", "epochs"),
        ("[training]\nepochs = 3", "training = 3", "training"),
    ],
)
def test_unknown_missing_and_ill_typed_keys_are_named(profiles: Path, before: str, after: str, named: str) -> None:
    assert before in PROFILE
    (profiles / "mine.toml").write_text(PROFILE.replace(before, after))
    with pytest.raises(OnDeviceError, match=rf"mine\.toml .*{named}"):
        dataset.load("mine")
