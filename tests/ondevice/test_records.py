"""Records: every dataclass that is stored comes back equal, and whatever does not fit is named."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ondevice import records
from ondevice.bundle import TestText, TestVector, TestVectors
from ondevice.data.dataset import Dataset
from ondevice.encoding_error import EncodingError, WorstId
from ondevice.errors import OnDeviceError, UsageError
from ondevice.feature import Feature
from ondevice.head import Head, probabilities
from ondevice.manifest import Embedding, Lookup, LookupCall, Table, Tensor, Training
from ondevice.tokenizer import Tokenizer
from ondevice.training.checkpoints import State
from ondevice.training.config import TrainConfig
from ondevice.training.run_folder import Epoch, TrainResult
from tests.manifests import manifest

TABLE = Table("shared", (10, 8), "int8_row", "", "multiplier", 120, 320, 0.01, 0.002)
CALL = LookupCall("embedding/ids", "embedding/vectors", (1, 8))
LOOKUP = Lookup((CALL,), 100, 8, 4_096, ("00", "11"))
ERROR = EncodingError(100, 42.5, 0.75, 0.5, 0.25, (WorstId(3, "c", 0.5, 0.25),), {"shared": 1.0})
EMBEDDING = Embedding(
    "embedding",
    ("ids",),
    "memcom",
    {"rows": 10, "bias": True},
    "semantic",
    8.0,
    100,
    800,
    (TABLE, TABLE),
    LOOKUP,
    ERROR,
)
EPOCH = Epoch(1.5, 0.25, 3.0)
TRAINING = Training("synthetic", "few users", 3, 1.25, {"ndcg@10": 0.125}, {"head": {"users": 3.0}})
FEATURE = Feature(
    "ids", "ids", (1, 8), "int32", 100, 1, 0, 2, "vocab.txt", Tokenizer(), {"layer": "Hashing", "bins": 3}
)
MANIFEST = manifest(
    inputs=(FEATURE, Feature("price", "number", (1,), "float32")),
    head=probabilities(("neg", "pos"), logits=True),
    embeddings=(EMBEDDING,),
    skipped={"genre": "unused"},
    sha256={"model.tflite": "00"},
    versions={"python": "3.11.0"},
    training=TRAINING,
)
VECTORS = TestVectors(
    1,
    (
        TestVector("user 17", False, {"ids": (3.0, 0.0)}, {"items": (5.0, 4.0)}, {"scores": 2.0}, ("b", "a")),
        TestVector("", True, {}, {}, {}),
    ),
    (TestText("ids", "a Fine film", (2, 0)),),
)
PARAMETERS = {"rows": 5, "operation": "add", "x": 0.5, "bias": False}
RESULT = TrainResult(1, PARAMETERS, "s", 7, 1, (EPOCH, EPOCH), {"users": 3.0}, {})
RECORDS = {
    "tensor": Tensor("ids", (1, 8), "int32"),
    "table": TABLE,
    "lookup": LOOKUP,
    "no look-ups": Lookup((), 8, 8, 1, ()),
    "embedding": EMBEDDING,
    "feature": FEATURE,
    "feature without padding": Feature("item", "ids", (1,), "int32", 9),
    "head": MANIFEST.head,
    "training": TRAINING,
    "manifest": MANIFEST,
    "vectors": VECTORS,
    "epoch": EPOCH,
    "result": RESULT,
    "no state": State(),
    "state": State((EPOCH, EPOCH), 1, 0.25),
    "config": TrainConfig("x", "path", options={"bias": True, "rows": 3, "operation": "add", "y": 0.5}, hidden=(8, 4)),
    "no hidden layers": TrainConfig("x", hidden=()),
    "data set": Dataset("n", "t", "r", "s", 8, {"epochs": 3, "dropout": 0.25}),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_round_trip_through_json(name: str) -> None:
    record = RECORDS[name]
    again = records.from_json(type(record), json.loads(json.dumps(records.to_json(record))), name)
    assert again == record
    # Equality takes 1 for True and 1.0; the types must be the same too.
    assert repr(again) == repr(record)


@pytest.mark.parametrize("name", RECORDS)
def test_round_trip_through_a_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    records.write(path, RECORDS[name])
    assert records.read(type(RECORDS[name]), path, name) == RECORDS[name]


@pytest.mark.parametrize("name", RECORDS)
def test_unknown_key_is_named(name: str) -> None:
    value = {**records.to_json(RECORDS[name]), "colour": "red"}
    with pytest.raises(OnDeviceError, match=r"the thing does not fit this version of ondevice: .*colour"):
        records.from_json(type(RECORDS[name]), value, "the thing")


REQUIRED = [
    (name, each.name)
    for name, record in RECORDS.items()
    for each in dataclasses.fields(record)
    if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
]
DEFAULTS = {
    ("data set", "alike"),
    ("data set", "table"),
    ("manifest", "appended"),
    ("manifest", "appended_bytes"),
    ("manifest", "constants"),
    ("manifest", "output"),
    ("manifest", "training"),
    ("result", "by_popularity"),
    ("result", "labels"),
    ("result", "task"),
    ("result", "tokenizer"),
    ("table", "portable"),
    ("table", "storage"),
    ("vectors", "texts"),
}
"""Fields that came later, so that what was written before is still read, or that only some models have."""
WRITTEN_BY_PEOPLE = (TrainConfig, State, Feature, Head, Training)
"""Records whose fields have defaults, so that a person names only what differs."""


def test_only_settings_states_and_later_fields_may_be_missing() -> None:
    fields = {(name, key) for name, record in RECORDS.items() for key in records.to_json(record)}
    later = {(name, key) for name, key in fields - set(REQUIRED) if not isinstance(RECORDS[name], WRITTEN_BY_PEOPLE)}
    assert later == DEFAULTS


@pytest.mark.parametrize(("name", "key"), REQUIRED)
def test_missing_key_is_named(name: str, key: str) -> None:
    value = records.to_json(RECORDS[name])
    del value[key]
    with pytest.raises(OnDeviceError, match=rf"the thing does not fit .*required field missing @ \$\.{key}"):
        records.from_json(type(RECORDS[name]), value, "the thing")


WRONG: list[tuple[str, str, Any, str]] = [
    ("config", "width", "3", r"'3' is not of type int @ \$\.width"),
    ("config", "width", 1.5, r"1\.5 is not of type int @ \$\.width"),
    ("config", "width", 3.0, r"3\.0 is not of type int @ \$\.width"),
    ("config", "width", True, r"True is not of type int @ \$\.width"),
    ("config", "width", None, r"None is not of type int @ \$\.width"),
    ("config", "width", [3], r"\[3\] is not of type int @ \$\.width"),
    ("config", "dropout", "0.5", r"'0\.5' is not of type float @ \$\.dropout"),
    ("config", "dropout", False, r"False is not of type float @ \$\.dropout"),
    ("config", "dataset", 3, r"3 is not of type str @ \$\.dataset"),
    ("config", "hidden", [8, "4"], r"'4' is not of type int @ \$\.hidden\[1\]"),
    ("config", "hidden", 8, r"\$\.hidden"),
    ("config", "options", {"bias": None}, r"\$\.options\['bias'\]"),
    ("config", "options", [["bias", True]], r"expected a mapping @ \$\.options"),
    ("head", "logits", 1, r"1 is not of type bool @ \$\.logits"),
    ("head", "logits", "true", r"'true' is not of type bool @ \$\.logits"),
    ("feature", "padding", "0", r"@ \$\.padding"),
    ("feature", "made_by", {"bins": None}, r"\$\.made_by\['bins'\]"),
    ("manifest", "embeddings", 5, r"invalid value for type, expected tuple @ \$\.embeddings"),
    ("manifest", "training", 5, r"invalid value for type, expected Training @ \$\.training"),
    ("manifest", "outputs", [{"name": "x", "shape": [1, 8.5], "dtype": "y"}],
        r"8\.5 .* @ \$\.outputs\[0\]\.shape\[1\]"),
    ("vectors", "vectors", [{"name": "", "edge": False, "inputs": {"ids": ["3"]}, "outputs": {}, "ranges": {}}],
        r"'3' is not of type float @ \$\.vectors\[0\]\.inputs\['ids'\]\[0\]"),
    ("manifest", "ops", {"GATHER": "2"}, r"'2' is not of type int @ \$\.ops\['GATHER'\]"),
    ("result", "history", [5], r"expected a mapping @ \$\.history\[0\]"),
    ("feature", "tokenizer", {"name": "words", "lowercase": 1}, r"1 is not of type bool @ \$\.tokenizer\.lowercase"),
    ("vectors", "vectors", [{}], r"required field missing @ \$\.vectors\[0\]\.name"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "key", "value", "says"), WRONG)
def test_wrong_type_is_named_with_what_came(name: str, key: str, value: Any, says: str) -> None:
    with pytest.raises(OnDeviceError, match=rf"^the thing does not fit this version of ondevice: .*{says}"):
        records.from_json(type(RECORDS[name]), {**records.to_json(RECORDS[name]), key: value}, "the thing")


def test_value_out_of_range_says_what_is_allowed() -> None:
    with pytest.raises(OnDeviceError, match=r"width is 0; allowed is a whole number of at least 1 @ \$\.$"):
        records.from_json(TrainConfig, {"dataset": "x", "width": 0}, "the thing")


def test_whole_number_may_stand_for_a_float() -> None:
    config = records.from_json(TrainConfig, {"dataset": "x", "ratio": 4, "dropout": 0}, "the thing")
    assert repr((config.ratio, config.dropout)) == "(4.0, 0.0)"


@pytest.mark.parametrize("value", [None, 5, True, "dataset", [], ["dataset"], [["dataset", "x"]]])
@pytest.mark.parametrize("kind", [TrainConfig, State, Epoch])
def test_anything_but_a_mapping_is_refused(kind: type, value: Any) -> None:
    with pytest.raises(OnDeviceError, match="the thing does not fit this version of ondevice"):
        records.from_json(kind, value, "the thing")


def test_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    with pytest.raises(UsageError, match=r"checkpoint state .*state\.json' does not exist"):
        records.read(State, path, "checkpoint state")
    path.write_text('{"best": "high"}')
    with pytest.raises(OnDeviceError, match=r"checkpoint state .*state\.json' does not fit .*'high'.*\$\.best"):
        records.read(State, path, "checkpoint state")
    path.write_text('{"best": ')
    with pytest.raises(OnDeviceError, match=r"checkpoint state .*state\.json' is not valid JSON"):
        records.read(State, path, "checkpoint state")
