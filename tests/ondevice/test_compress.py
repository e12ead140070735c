"""Compressing a user's model: what is refused, how a budget is divided, and where orders go."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import ondevice
from ondevice.cli.main import main
from ondevice.errors import OnDeviceError, UsageError
from tests.two_tables import IDS, WIDTH, data_of, model_of


def compress(model: keras.Model, *args: Any, **kwargs: Any) -> Any:
    return ondevice.compress(model, *args, **{"verbose": False, "skip_below": 2_000, **kwargs})


def with_lambda() -> keras.Model:
    ids = keras.Input((3,), dtype="int32")
    table = keras.layers.Embedding(IDS, WIDTH)
    return keras.Model(
        ids, keras.layers.Lambda(lambda x: x @ keras.ops.transpose(table.embeddings), name="all")(table(ids))
    )


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (with_lambda, {}, r"^layer 'all' is a Lambda, whose function may hold a table that nothing can replace; "),
        (lambda: keras.Sequential([keras.layers.Dense(1)]), {}, r"is not built; call it with a batch first\.$"),
        (lambda: "a.keras", {}, r"^model is the path 'a\.keras'; allowed is a model, which is changed in place\.$"),
        (lambda: 3, {}, r"^model is a builtins\.int; allowed is a model of Keras 3"),
        (model_of, {"ratio": 0.5}, r"^ratio is 0\.5; allowed is a number of at least 1\.$"),
        (model_of, {"method": "mencom"}, r"^unknown method 'mencom'"),
        (model_of, {"ratio": 4, "budget": "1MB"}, r"^ratio is 4 and budget '1MB'; allowed is one of both\.$"),
        (
            model_of,
            {"budget": 100},
            r"^budget is 100 bytes; allowed are at least \d+, what the smallest tables take\.$",
        ),
        (model_of, {"recipe": "mixed"}, r"^recipe is 'mixed'; allowed is one that names all schemes\.$"),
        (
            model_of,
            {"config": {"tabel": "keep"}},
            r"^config names 'tabel', which no table has; allowed are item_table, ",
        ),
        (model_of, {"config": {"(": "keep"}}, r"^config names '\(', which is no regular expression"),
        (model_of, {"config": {"item_table": {"rows": 3}}}, r"^unknown field of 'item_table' in config 'rows'"),
        (
            model_of,
            {"config": {"item_table": 3}},
            r"^config of 'item_table' is 3; allowed is a name or a table of fields",
        ),
        (model_of, {"config": {"item_table": {"ratio": 900}}}, r"^table 'item_table': ratio 900 is out of reach for"),
        (model_of, {"config": {"item_table": {"order": "best"}}}, r"^unknown order 'best'"),
        (model_of, {"vocabularies": {"item": []}}, r"^vocabularies are given without data; "),
        (
            model_of,
            {"config": {"item_table": "reduced_width"}},
            r"^table 'item_table': method reduced_width makes vectors",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(make: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(OnDeviceError, match=message):
        compress(make(), **arguments)


def test_a_file_of_keras_2_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "old.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
    with pytest.raises(UsageError, match=r"was saved by Keras 2\.15\.0; allowed is one of Keras 3\.$"):
        ondevice.export(path, tmp_path / "out")


def test_small_tables_stay_and_the_report_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    report = ondevice.compress(model_of(), 8, skip_below=2_000)
    by_name = {table.name: table for table in report.tables}
    assert by_name["item_table"].method == "product_codes"
    assert by_name["user_table"].method == "keep"
    assert by_name["user_table"].note == "since it has 1280 bytes, fewer than 2000"
    assert any("row per user" in note and "rows=['user_table']" in note for note in report.notes)
    printed = capsys.readouterr().out
    assert "item_table: 600 x 16, 38.4 kB as float32" in printed
    assert printed.strip() == str(report)


def test_a_plan_changes_nothing() -> None:
    model = model_of()
    before = model.get_weights()
    report = compress(model, 8, plan_only=True)
    assert report.after < report.before
    assert all(np.array_equal(one, other) for one, other in zip(before, model.get_weights(), strict=True))


def test_a_budget_is_kept_and_goes_where_the_error_is() -> None:
    """Of two tables of one size the one whose vectors differ more gets more of it."""
    ids = [keras.Input((1,), dtype="int32", name=name) for name in ("plain", "rich")]
    tables = [keras.layers.Embedding(IDS, WIDTH, name=f"{each.name}_table") for each in ids]
    model = keras.Model(ids, keras.layers.Concatenate()([table(each) for table, each in zip(tables, ids, strict=True)]))
    rng = np.random.default_rng(0)
    tables[0].set_weights([np.repeat(rng.standard_normal((6, WIDTH)), IDS // 6, axis=0).astype(np.float32)])
    tables[1].set_weights([rng.standard_normal((IDS, WIDTH)).astype(np.float32)])
    for budget in (6_000, 12_000):
        plain, rich = compress(model, budget=budget, method="hashing", plan_only=True).tables
        assert plain.after + rich.after <= budget
        assert rich.after > plain.after
        assert budget - plain.after - rich.after < 0.5 * budget


def test_a_budget_gives_a_table_the_ratios_that_its_method_reaches() -> None:
    """MEmCom has a number for each id: of vectors of 16 numbers it is never 16 times smaller."""
    ratio = {"item_table": {"ratio": 4}}
    found = {}
    for name, config in (("most", {}), ("own", ratio)):
        items, users = compress(model_of(), budget=9_000, method="memcom", config=config, plan_only=True).tables
        assert (items.method, users.method) == ("memcom", "keep")
        found[name] = items.after
        assert items.after + users.after <= 9_000
    # A ratio of its own is not the budget's to choose.
    assert found["own"] < found["most"]
    with pytest.raises(UsageError, match=r"^table 'item_table': ratio 1\.25 is out of reach for"):
        compress(model_of(), budget=9_000, config={"item_table": {"method": "memcom", "options": {"multipliers": 16}}})


def test_a_vocabulary_takes_an_order_over_and_without_one_the_file_stores_it(tmp_path: Path) -> None:
    keys = [f"item {number}" for number in range(IDS - 2)]
    x, y = data_of()
    texts = np.array(["", "[UNK]", *keys])[x["item"]]
    given = {"item": np.where(texts == "[UNK]", "nothing", texts), "user": x["user"]}
    model = model_of(keys)
    report = compress(model, 4, method="hashing", data=(given, y))
    assert report.tables[0].order == "semantic (free in the vocabulary)"
    assert report.tables[0].worst[0].key in {"<padding>", "<unknown>", *keys}
    bundle = ondevice.export(model, tmp_path / "free", sample={k: v[:8] for k, v in given.items()})
    [items] = [each for each in bundle.manifest.embeddings if each.layer == "item_table"]
    assert items.order == "vocabulary"
    assert "order" not in {table.name for table in items.tables}
    listed = (bundle.folder / "vocab-item.txt").read_text().splitlines()
    assert sorted(listed) == sorted(["<padding>", "<unknown>", *keys])
    assert listed[:2] == ["<padding>", "<unknown>"]
    assert listed[2:] != keys
    assert ondevice.validate(bundle, model, (given, y), metric="auc", max_loss=0.05).valid

    plain = model_of()
    compress(plain, 4, method="hashing", data=(x, y))
    other = ondevice.export(plain, tmp_path / "stored", sample={k: v[:8] for k, v in x.items()})
    [items] = [each for each in other.manifest.embeddings if each.layer == "item_table"]
    assert items.order == "stored"
    [order] = [table for table in items.tables if table.name == "order"]
    assert (order.shape, order.payload_bytes) == ((IDS, 2), 2 * IDS)
    # Free with keys of the user's own, too; the model goes on with its ids.
    named = ondevice.export(
        plain,
        tmp_path / "named",
        sample={k: v[:8] for k, v in x.items()},
        vocabularies={"item": [str(i) for i in range(IDS)]},
    )
    assert {each.layer: each.order for each in named.manifest.embeddings}["item_table"] == "vocabulary"
    assert named.manifest.file_bytes < other.manifest.file_bytes - IDS
    for bundle in (other, named):
        assert ondevice.validate(bundle, plain, (x, y), metric="auc", max_loss=0.05).valid


def test_a_model_that_reads_ids_itself_keeps_them(tmp_path: Path) -> None:
    ids = keras.Input((1,), dtype="int32", name="item")
    vectors = keras.layers.Flatten()(keras.layers.Embedding(IDS, WIDTH, name="item_table")(ids))
    large = keras.ops.cast(ids > IDS // 2, "float32")
    model = keras.Model(ids, keras.layers.Dense(1, name="score")(keras.layers.Concatenate()([vectors, large])))
    x = np.arange(IDS, dtype=np.int32)[:, None]
    compress(model, 4, method="hashing", data=x)
    keys = [str(number) for number in range(IDS)]
    bundle = ondevice.export(model, tmp_path / "out", sample=x[::9], vocabularies={"item": keys})
    assert bundle.manifest.embeddings[0].order == "stored"
    assert (bundle.folder / "vocab-item.txt").read_text().splitlines() == keys
    assert ondevice.validate(bundle, model, x).valid


def test_the_row_of_a_table_is_an_input(tmp_path: Path) -> None:
    model, (x, y) = model_of(), data_of()
    bundle = ondevice.export(model, tmp_path / "out", sample={k: v[:8] for k, v in x.items()}, rows=["user_table"])
    inputs = {each.name: each for each in bundle.manifest.inputs}
    assert (inputs["user_table"].kind, inputs["user_table"].shape) == ("number", (1, 1, WIDTH))
    assert [each.layer for each in bundle.manifest.embeddings] == ["item_table"]
    assert ondevice.validate(bundle, model, (x, y), metric="auc").valid
    with pytest.raises(UsageError, match=r"^rows names 'users'; allowed are the tables item_table, user_table\.$"):
        ondevice.export(model, tmp_path / "other", sample={k: v[:8] for k, v in x.items()}, rows=["users"])


def test_the_command_plans_compresses_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model_of().save(tmp_path / "model.keras")
    (tmp_path / "tables.toml").write_text('item_table = {method = "hashing", ratio = 8, order = "vectors"}\n')
    given = [str(tmp_path / "model.keras"), "--config", str(tmp_path / "tables.toml"), "--skip-below", "2kB"]
    assert main(["compress", *given, "--plan"]) == 0
    assert "item_table: 600 x 16" in capsys.readouterr().out
    small = tmp_path / "small.keras"
    assert main(["compress", *given, "--out", str(small)]) == 0
    assert "hashing" in capsys.readouterr().out
    again = keras.saving.load_model(small)
    assert isinstance(again.get_layer("item_table"), ondevice.CompressedEmbedding)
    assert main(["compress", *given, "--out", str(small)]) == 2
    assert main(["compress", *given]) == 2
    assert "--out and --plan are one of both" in capsys.readouterr().err
    (tmp_path / "tables.toml").write_text("item_table = ")
    assert main(["compress", *given, "--plan"]) == 1
    assert "is no TOML" in capsys.readouterr().err


def test_a_table_of_many_numbers_is_fitted_as_well_as_a_small_one() -> None:
    """The slope of each of them is tiny, which is not the end of the fit."""
    errors = []
    for ids in (600, 20_000):
        given, layer = keras.Input((1,), dtype="int32"), keras.layers.Embedding(ids, 128, name="table")
        model = keras.Model(given, layer(given))
        layer.set_weights([np.random.default_rng(0).standard_normal((ids, 128)).astype(np.float32)])
        config = {"table": {"method": "hashing", "order": "as_given"}}
        errors.append(compress(model, 2, config=config).tables[0].error)
    assert errors[0] == pytest.approx(0.5, abs=0.1)
    assert errors[1] == pytest.approx(errors[0], abs=0.05)
