"""The training loop: resuming, early stopping, reproducibility, and what it leaves behind."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import keras
import numpy as np
import pytest

from ondevice import records
from ondevice import task as tasks
from ondevice.errors import OnDeviceError, UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.manifest import POPULARITY
from ondevice.training import checkpoints
from ondevice.training import fit as fits
from ondevice.training.checkpoints import STATE_FILE, State
from ondevice.training.choose import choose_method, choose_output
from ondevice.training.config import TrainConfig
from ondevice.training.fit import fit
from ondevice.training.metrics import popularity
from ondevice.training.reference import load_reference
from ondevice.training.run_folder import CHECKPOINTS, alone, open_run
from ondevice.training.start import arranged
from tests.tiny_runs import tiny_config, tiny_interactions


def ignore(done: int, total: int, share: float) -> None:
    pass


def interrupt_in_epoch(number: int):
    def progress(done: int, total: int, share: float) -> None:
        if done == number and share > 0:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def checkpoint_after_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)


@pytest.mark.usefixtures("checkpoint_after_every_epoch")
def test_a_resumed_run_equals_an_unbroken_one(tmp_path) -> None:
    config, interactions = tiny_config("memcom block", epochs=3), tiny_interactions()
    unbroken = fit(config, interactions, tmp_path / "unbroken", ignore)
    with pytest.raises(KeyboardInterrupt):
        fit(config, interactions, tmp_path / "broken", interrupt_in_epoch(2))
    with pytest.raises(UsageError, match="is not finished"):
        open_run(tmp_path / "broken")
    state = records.read(State, tmp_path / "broken" / CHECKPOINTS / STATE_FILE, "state")
    assert len(state.history) == 2
    resumed = fit(config, interactions, tmp_path / "broken", ignore)
    for one, other in zip(unbroken.result.history, resumed.result.history, strict=True):
        assert (one.loss, one.validation) == (other.loss, other.validation)
    assert unbroken.result.test == resumed.result.test
    for name in ("histories", "items", "scores"):
        np.testing.assert_array_equal(getattr(unbroken.evaluation(), name), getattr(resumed.evaluation(), name))


def test_a_training_that_diverges_says_so(tmp_path) -> None:
    config = tiny_config("full", epochs=2, learning_rate=1e30)
    says = r"diverged: the loss of epoch \d is (nan|inf).*; .* learning_rate below 1e\+30"
    with pytest.raises(OnDeviceError, match=says):
        fit(config, tiny_interactions(), tmp_path / "run", ignore)


def test_short_epochs_are_not_written_one_by_one(tmp_path, monkeypatch) -> None:
    # However long they take on a busy machine.
    monkeypatch.setattr("ondevice.training.checkpoints.SECONDS_BETWEEN", 3_600.0)
    config, interactions = tiny_config("full", epochs=3), tiny_interactions()
    with pytest.raises(KeyboardInterrupt):
        fit(config, interactions, tmp_path / "run", interrupt_in_epoch(2))
    assert not (tmp_path / "run" / CHECKPOINTS).exists()


def test_an_interruption_before_the_first_epoch_ends_can_be_resumed(tmp_path) -> None:
    config, interactions = tiny_config("full", epochs=1), tiny_interactions()
    with pytest.raises(KeyboardInterrupt):
        fit(config, interactions, tmp_path / "run", interrupt_in_epoch(0))
    assert fit(config, interactions, tmp_path / "run", ignore).result.best_epoch == 0


def test_unfinished_run_of_other_settings_is_refused(tmp_path) -> None:
    config, interactions = tiny_config("full", epochs=2), tiny_interactions()
    with pytest.raises(KeyboardInterrupt):
        fit(config, interactions, tmp_path / "run", interrupt_in_epoch(1))
    with pytest.raises(UsageError, match="unfinished run of other settings"):
        fit(dataclasses.replace(config, dropout=0.1), interactions, tmp_path / "run", ignore)


def test_a_folder_that_another_training_is_busy_in_is_refused(tmp_path) -> None:
    config, interactions = tiny_config("full", epochs=1), tiny_interactions()
    with pytest.raises(KeyboardInterrupt):
        fit(config, interactions, tmp_path / "run", interrupt_in_epoch(0))
    with alone(tmp_path / "run"), pytest.raises(UsageError, match="is in use by another training; name a new folder"):
        fit(config, interactions, tmp_path / "run", ignore)
    assert fit(config, interactions, tmp_path / "run", ignore).result.best_epoch == 0


def test_ids_are_in_runs_of_the_output_layer_where_the_embedding_has_none(tmp_path) -> None:
    interactions = tiny_interactions()
    orders = {}
    for method in ("full", "memcom"):
        ratio = 1.0 if method == "full" else 8.0
        for name in ("dense", "local_low_rank"):
            config = TrainConfig("synthetic", method=method, ratio=ratio, output=name, output_ratio=2.0, width=16)
            made = choose_method(config, interactions.items + RESERVED_IDS)
            output = choose_output(config, made)
            orders[method, name] = arranged(config, interactions, made, output).keys
    assert orders["memcom", "dense"] == orders["memcom", "local_low_rank"]
    assert orders["full", "dense"] != orders["full", "local_low_rank"]


def test_training_stops_when_nothing_is_gained(tmp_path) -> None:
    config = tiny_config("full", epochs=6, patience=1, learning_rate=1e-9)
    result = fit(config, tiny_interactions(), tmp_path / "run", ignore).result
    assert len(result.history) < 6
    assert result.best_epoch == int(np.argmax([epoch.validation for epoch in result.history]))


def test_freed_memory_is_kept_from_the_first_step_to_the_last(tmp_path, monkeypatch) -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def noted(largest: int) -> Iterator[None]:
        seen.append(f"{largest} kept")
        yield
        seen.append("given back")

    monkeypatch.setattr(fits, "freed_memory_kept", noted)
    config, interactions = tiny_config("memcom block"), tiny_interactions()
    fit(config, interactions, tmp_path / "run", lambda *_: seen.append("step"))
    scores = 4 * (interactions.items + RESERVED_IDS) * config.batch_size
    assert (seen[0], seen[-1]) == (f"{scores} kept", "given back")
    assert set(seen[1:-1]) == {"step"}


def test_a_finished_run_holds_what_it_promises(tiny_run) -> None:
    run = tiny_run("memcom block")
    assert not (run.folder / CHECKPOINTS).exists()
    assert run.method() == choose_method(run.config, len(run.vocabulary()))
    assert run.method().parameters()["sharing"] == "block", "neighbours are similar, so neighbours share"
    model, tables = load_reference(run)
    assert isinstance(model, keras.Model)
    assert {name: values.shape for name, values in tables.items()} == {
        table.name: (table.rows, table.width) for table in run.method().tables()
    }
    assert run.result.model_parameters == model.count_params()
    assert set(run.result.test) == {"ndcg@10", "ndcg@20", "recall@10", "recall@20", "users"}
    assert sum(found["items"] for found in run.result.by_popularity.values()) == run.method().items


def test_classes_of_items_are_made_of_training_counts_and_measured_on_the_test(tiny_run) -> None:
    """Recomputed from the data set and the item keys, whatever ids the items have."""
    run, data = tiny_run("memcom block"), tiny_interactions()
    classes = popularity(data.train.counts(data.items))
    for number, name in enumerate(POPULARITY):
        users = sum(bool((classes[items] == number).any()) for items in data.test)
        found = run.result.by_popularity[name]
        assert (found["items"], found["users"]) == (np.count_nonzero(classes == number), users)
        assert ("ndcg@20" in found) == (users > 0)


def test_reference_answers_are_those_of_the_model(tiny_run) -> None:
    """Recomputed without the code that made them: plain NumPy ranking of the Keras model's scores."""
    run = tiny_run("memcom bias")
    evaluation = run.evaluation()
    model, _ = load_reference(run)
    for user in range(0, len(evaluation), 29):
        scores = np.array(model(evaluation.histories[user : user + 1]))[0].astype(np.float64)
        scores[:2] = -np.inf
        scores[evaluation.histories[user]] = -np.inf
        kept = evaluation.items.shape[1]
        np.testing.assert_allclose(np.sort(scores)[::-1][:kept], evaluation.scores[user], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(scores[evaluation.items[user]], evaluation.scores[user], rtol=1e-5, atol=1e-5)


def test_per_id_tables_and_biases_are_exempt_from_weight_decay(tmp_path) -> None:
    from ondevice.training.fit import _compiled

    config = tiny_config("memcom bias")
    method = choose_method(config, 302)
    model = _compiled(config, method, choose_output(config, method), 1, tasks.load("ranking"), 0)
    decayed = {v.path for v in model.trainable_variables if model.optimizer._use_weight_decay(v)}
    assert {path.rpartition("/")[2] for path in decayed} == {"shared", "kernel"}


def test_unknown_id_is_trained(tiny_run) -> None:
    from ondevice.data.lists import Lists
    from ondevice.training.examples import HistoryExamples

    lists = Lists.of([np.arange(2, 40, dtype=np.int32)] * 20)
    histories, _ = HistoryExamples(lists, False, 19, 20, 0.2, 0, 0)[0]
    assert 0.1 < np.mean(histories == 1) < 0.3


def test_unknown_option_is_named() -> None:
    for name in ("colour", "rows", "vocabulary_size"):
        config = dataclasses.replace(tiny_config("memcom"), options={name: 3})
        words = f"option '{name}' is not known to method memcom; it has bias, multipliers, sharing"
        with pytest.raises(UsageError, match=words):
            choose_method(config, 302)
