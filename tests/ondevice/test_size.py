"""A ratio or a budget, as it is asked for: what contradicts itself is refused, what was interrupted goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.cli.main import main
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.pipeline.export_run import export_run
from ondevice.pipeline.size import Size, asked, bytes_of_run, fitted, table_bytes
from ondevice.pipeline.train import configure, train
from ondevice.training.choose import choose_method
from tests.tiny_runs import ITEMS, tiny_config, tiny_interactions, write_user_items

SETTINGS = {"width": 16, "history_length": 48, "sample_length": 24, "batch_size": 50, "epochs": 1}


def test_without_any_size_it_is_a_ratio_of_16() -> None:
    assert asked(None, None, None) == Size(16.0)
    assert asked(4, None, None) == Size(4.0)
    assert asked(None, 300_000, None) == Size(0.0, 300_000, "int8")
    assert asked(None, 1, "float32") == Size(0.0, 1, "float32")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((4.0, 300, None), r"ratio is 4\.0 and budget 300 bytes; allowed is one of both"),
        ((None, None, "int8"), "recipe is 'int8'; allowed is one only beside a budget"),
        ((4.0, None, "int8"), "recipe is 'int8'"),
        ((None, 0, None), "budget is 0; allowed is at least 1 byte"),
        ((0.5, None, None), r"ratio is 0\.5; allowed is a number of at least 1"),
        ((float("inf"), None, None), "ratio is inf"),
        ((None, 300, "stock_dynamic_range"), "unknown recipe for a budget 'stock_dynamic_range'"),
        ((None, 300, "mixed"), "unknown recipe for a budget 'mixed'"),
    ],
)
def test_a_size_that_contradicts_itself_is_refused(size: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        asked(*size)


@pytest.mark.parametrize("variant", ["hashing block", "memcom bias", "quotient_remainder add", "compositional"])
@pytest.mark.parametrize(("recipe", "budget"), [("int8", 4_000), ("float32", 4_000), ("int4", 2_500)])
def test_the_settings_hold_the_ratio_that_keeps_the_budget(variant: str, recipe: str, budget: int) -> None:
    config = tiny_config(variant, budget_bytes=budget, budget_recipe=recipe)
    config = fitted(config, ITEMS + RESERVED_IDS)
    method = choose_method(config, ITEMS + RESERVED_IDS)
    assert 0.7 * budget < table_bytes(method, recipe) <= budget
    assert config.ratio == pytest.approx(method.ratio, rel=1e-12)


@pytest.mark.parametrize("order", ["random", "semantic"])
@pytest.mark.parametrize("recipe", ["int8", "int8_small"])
def test_a_budget_counts_what_the_output_layer_makes_of_the_tables(order: str, recipe: str, tmp_path: Path) -> None:
    """A tied layer without multipliers of its own has the look-up's stored in full, or by runs with empty places."""
    request = {"method": "memcom", "order": order, "budget_bytes": 3_500, "budget_recipe": recipe, **SETTINGS}
    tied = {"output": "tied", "output_options": {"own_multipliers": False}}
    run = train(configure(**request, **tied), tmp_path / "run", split_data=tiny_interactions())
    bundle = export_run(run.folder, tmp_path / "bundle", recipe=recipe)
    stored = sum(table.payload_bytes for table in bundle.manifest.tables.values())
    assert 0.9 * 3_500 < stored <= 3_500
    assert bytes_of_run(run, recipe) == stored


@pytest.mark.parametrize(("ratio", "told"), [("4", False), ("1.5", True)])
def test_a_ratio_that_a_model_can_only_come_near_to_is_told(ratio: str, told: bool, tmp_path: Path, capsys) -> None:
    """At 1.5x rows of 10 and 11 of 16 numbers lie on both sides."""
    write_user_items(tiny_interactions(), tmp_path / "data")
    words = ["--dataset", "user-items", "--data", str(tmp_path / "data"), "--method", "reduced_width", "--ratio", ratio]
    for name, value in SETTINGS.items():
        words += ["--set", f"{name}={value}"]
    assert main(["train", *words, "--order", "random", "--out", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().out
    assert ("embedding    1.60x, the nearest to 1.50x that it can be\n" in said) == told
    assert ("the nearest to" in said) == told


def test_training_with_a_budget_goes_on_where_it_was(tmp_path: Path) -> None:
    def stop(done: int, total: int, share: float) -> None:
        raise KeyboardInterrupt

    request = {"method": "memcom", "order": "frequency", "budget_bytes": 2_500, **SETTINGS}
    with pytest.raises(KeyboardInterrupt):
        train(configure(**request), tmp_path / "run", split_data=tiny_interactions(), progress=stop)
    other = {**request, "budget_bytes": 2_400}
    with pytest.raises(UsageError, match="unfinished run of other settings"):
        train(configure(**other), tmp_path / "run", split_data=tiny_interactions())
    method = train(configure(**request), tmp_path / "run", split_data=tiny_interactions()).method()
    # 16 bytes for a row of the shared table, 4 for the number of each of the 302 ids.
    assert (table_bytes(method, "int8"), method.parameters()["rows"]) == (2_488, 78)
