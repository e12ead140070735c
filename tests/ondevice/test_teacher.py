"""A trained model as the teacher: warm start, order and distillation."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest

from ondevice.embeddings.every_id import reference_lookup
from ondevice.embeddings.fit_tables import fit_tables
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.errors import UsageError
from ondevice.training import checkpoints
from ondevice.training.fit import fit
from ondevice.training.reference import load_reference
from ondevice.training.run_folder import Run
from ondevice.training.teacher import Teacher
from tests.samples import METHODS
from tests.tiny_runs import run_maker, tiny_config, tiny_interactions


def ignore(done: int, total: int, share: float) -> None:
    pass


@pytest.fixture(scope="module")
def full(tmp_path_factory) -> Run:
    return run_maker(tmp_path_factory.mktemp("teacher"))("full")


def pupil(full: Run, variant: str, **settings: object):
    return tiny_config(variant, teacher=str(full.folder), epochs=1, **settings)


@pytest.mark.parametrize("name", sorted(METHODS))
def test_tables_of_every_method_come_nearer_to_given_vectors(name: str) -> None:
    method = METHODS[name]
    keras.utils.set_random_seed(0)
    layer = CompressedEmbedding.of(method)
    layer.build((None, None))
    chosen = method.chosen_tables(None, 0)
    for table, values in chosen.items():
        layer.tables[table].assign(values)
    rng = np.random.default_rng(0)
    every = np.arange(method.vocabulary_size, dtype=np.int32)
    target = rng.standard_normal((method.vocabulary_size, method.output_width)).astype(np.float32)
    weights = np.ones(len(target), np.float32)

    def error() -> float:
        difference = reference_lookup(method, layer.table_values(), every) - target
        return float(np.sqrt(np.mean(difference**2) / np.mean(target**2)))

    before = error()
    fit_tables(layer, target, weights)
    assert error() < before - 0.03
    if name == "full":
        assert error() < 0.05
    for table, values in chosen.items():
        assert np.array_equal(layer.table_values()[table], values) == ("rechosen_tables" not in vars(type(method)))


def test_a_pupil_with_a_full_table_starts_where_the_teacher_ended(full: Run, tmp_path) -> None:
    config = pupil(full, "full", order="frequency", warm_start=True, learning_rate=1e-9)
    run = fit(config, tiny_interactions(), tmp_path / "run", ignore)
    # Other ids, but the same answers: the metric of one hardly trained epoch is that of the teacher.
    assert run.result.test["ndcg@20"] == pytest.approx(full.result.test["ndcg@20"], rel=0.02)
    assert run.vocabulary().keys != full.vocabulary().keys


def test_the_teacher_answers_alike_over_the_ids_of_the_pupil(full: Run) -> None:
    vocabulary = full.vocabulary()
    shuffled = dataclasses.replace(
        vocabulary, keys=(*vocabulary.keys[:2], *np.random.default_rng(0).permutation(vocabulary.keys[2:]).tolist())
    )
    network, (model, _) = Teacher.of_run(full, shuffled).network(), load_reference(full)
    own = np.array([[5, 17, 100, 0]], np.int32)
    same = shuffled.ids(tuple(vocabulary.keys[number] for number in own[0]))[None]
    scores = np.asarray(network(same))[0, shuffled.ids(vocabulary.keys)]
    np.testing.assert_allclose(scores, np.asarray(model(own))[0], rtol=1e-5, atol=1e-5)
    assert not network.trainable_variables


def test_a_teacher_of_another_width_is_refused(full: Run, tmp_path) -> None:
    with pytest.raises(UsageError, match="name a run of the same width"):
        fit(pupil(full, "reduced_width", warm_start=True), tiny_interactions(), tmp_path / "warm", ignore)


@pytest.mark.parametrize("variant", ["memcom block", "quotient_remainder"])
def test_a_warm_start_begins_above_a_cold_one(full: Run, tmp_path, variant: str) -> None:
    kept = {"learning_rate": 1e-9}
    cold = fit(tiny_config(variant, epochs=1, **kept), tiny_interactions(), tmp_path / "cold", ignore)
    warm = fit(pupil(full, variant, warm_start=True, **kept), tiny_interactions(), tmp_path / "warm", ignore)
    assert warm.result.test["ndcg@20"] > 1.5 * cold.result.test["ndcg@20"]


def test_a_distilled_model_learns_the_probabilities_of_the_teacher(full: Run, tmp_path) -> None:
    """With nothing but the teacher to learn from, one epoch brings the scores near to it."""
    settings = {"learning_rate": 0.05, "dropout": 0.0}
    taught = fit(
        dataclasses.replace(pupil(full, "full", distillation=1.0, **settings), epochs=12, patience=12),
        tiny_interactions(), tmp_path / "taught", ignore,
    )  # fmt: skip
    assert taught.result.test["ndcg@20"] > 0.8 * full.result.test["ndcg@20"]
    saved = keras.saving.load_model(taught.model, compile=False)
    # What is saved knows of no teacher.
    assert type(saved) is type(keras.saving.load_model(full.model, compile=False))
    assert [weight.shape for weight in saved.weights] == [
        weight.shape for weight in keras.saving.load_model(full.model, compile=False).weights
    ]


def test_a_distilled_run_resumes_as_if_it_had_not_been_interrupted(full: Run, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(checkpoints, "SECONDS_BETWEEN", 0.0)
    config = dataclasses.replace(pupil(full, "memcom block", distillation=0.5, warm_start=True), epochs=3)

    def interrupt(done: int, total: int, share: float) -> None:
        if done == 1 and share > 0:
            raise KeyboardInterrupt

    unbroken = fit(config, tiny_interactions(), tmp_path / "unbroken", ignore)
    with pytest.raises(KeyboardInterrupt):
        fit(config, tiny_interactions(), tmp_path / "broken", interrupt)
    resumed = fit(config, tiny_interactions(), tmp_path / "broken", ignore)
    assert [epoch.loss for epoch in resumed.result.history] == [epoch.loss for epoch in unbroken.result.history]


def test_the_order_can_come_from_the_teacher(full: Run, tmp_path) -> None:
    config = pupil(full, "memcom block", teacher_order=True)
    run = fit(config, tiny_interactions(), tmp_path / "run", ignore)
    own = fit(dataclasses.replace(config, teacher_order=False), tiny_interactions(), tmp_path / "own", ignore)
    assert sorted(run.vocabulary().keys) == sorted(own.vocabulary().keys)
    assert run.vocabulary().keys != own.vocabulary().keys
    # Items of one row point the same way in the teacher's eyes, more than any two.
    _, values = load_reference(full)
    vectors = values["table"][full.vocabulary().ids(run.vocabulary().keys)][2:]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    neighbours = np.mean(np.sum(vectors[1:] * vectors[:-1], axis=1))
    assert neighbours > np.mean(vectors @ vectors.T) + 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warm_start": True}, "only beside a teacher"),
        ({"distillation": 0.5}, "only beside a teacher"),
        ({"teacher": "x", "distillation": 1.5}, "0 to 1"),
        ({"teacher": "x", "teacher_order": True, "order": "random"}, "'semantic'"),
    ],
)
def test_senseless_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        dataclasses.replace(tiny_config("memcom block"), **settings)


def test_a_teacher_of_other_items_is_refused(full: Run, tmp_path) -> None:
    interactions = tiny_interactions()
    other = dataclasses.replace(interactions, item_keys=tuple(f"other {key}" for key in interactions.item_keys))
    with pytest.raises(UsageError, match="trained on other items"):
        fit(pupil(full, "memcom block", warm_start=True), other, tmp_path / "run", ignore)


def test_a_teacher_that_is_no_finished_run_is_refused(tmp_path) -> None:
    config = dataclasses.replace(tiny_config("memcom block"), teacher=str(tmp_path), warm_start=True)
    with pytest.raises(UsageError, match="holds no"):
        fit(config, tiny_interactions(), tmp_path / "run", ignore)
    assert not (tmp_path / "run").exists()
