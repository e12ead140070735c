"""The training loop: Keras' own `fit` one epoch at a time, with validation, early stopping and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from ondevice import files, records
from ondevice.data.interactions import Interactions, Lists
from ondevice.embeddings.layer import PER_ID_MARK, CompressedEmbedding
from ondevice.embeddings.method import Method
from ondevice.ids import RESERVED_IDS
from ondevice.models.output import Output
from ondevice.models.ranking import ranking_network
from ondevice.training import metrics, run_folder
from ondevice.training.checkpoints import Checkpoints, State
from ondevice.training.choose import check_teacher, choose_method, choose_output, falling_counts
from ondevice.training.config import TrainConfig
from ondevice.training.examples import HistoryExamples
from ondevice.training.loss import softmax_over_targets
from ondevice.training.optimizer import registry as optimizers
from ondevice.training.quantize_aware import rounded_tables
from ondevice.training.run_folder import Epoch, Run, TrainResult
from ondevice.training.score import Scorer, evaluate, kept_items
from ondevice.training.start import arranged, start, teacher_of
from ondevice.training.teacher import Pupil, Teacher
from ondevice.versions import versions

VALIDATION_METRIC = "ndcg@20"

Progress = Callable[[int, int, float], None]
"""Told after each step: epochs done, epochs at most and the share of the running epoch."""


def fit(config: TrainConfig, interactions: Interactions, folder: Path, progress: Progress) -> Run:
    """Train one model, or resume a run that was interrupted, and evaluate it on the test split.

    Args:
        config: the settings.
        interactions: the data set.
        folder: run folder to write; an unfinished one of the same settings is resumed.
        progress: told how far training is.

    Raises:
        UsageError: the folder is taken, the method can't reach the ratio, or the teacher can't teach.
    """
    method = choose_method(config, interactions.items + RESERVED_IDS, falling_counts(interactions))
    output = choose_output(config, method)
    check_teacher(config, interactions, method)
    run_folder.claim(folder, config)
    with run_folder.alone(folder):
        _fit(config, interactions, folder, progress, method, output)
    return run_folder.open_run(folder)


def _fit(
    config: TrainConfig, interactions: Interactions, folder: Path, progress: Progress, method: Method, output: Output
) -> None:
    vocabulary = arranged(config, interactions, method, output)
    vocabulary.write(folder / run_folder.VOCABULARY_FILE)
    ids = vocabulary.ids(interactions.item_keys)
    train, valid, test = (split.mapped(ids) for split in (interactions.train, interactions.valid, interactions.test))

    checkpoints = Checkpoints(folder)
    state = checkpoints.state()
    keras.utils.set_random_seed(config.seed)
    examples = HistoryExamples(
        train,
        interactions.ordered,
        config.sample_length,
        config.batch_size,
        config.unknown_share,
        config.seed,
    )
    teacher = teacher_of(config, vocabulary)
    model = _compiled(config, method, output, len(examples), teacher)
    if config.quantize_aware:
        model.get_layer("embedding").rounded = rounded_tables(method, config.quantize_aware)
    if state.history:
        checkpoints.restore(model, state)
    else:
        start(config, interactions, method, model, ids, teacher)
    state = _epochs(config, model, examples, state, checkpoints, _some(train, valid, config), progress)
    checkpoints.load_best(model)
    model.get_layer("embedding").rounded = {}
    method, model = _stored(config, method, output, model)

    known = train.joined(valid)
    kept = kept_items(method.vocabulary_size, int(np.max(np.diff(known.offsets))))
    evaluation, ranking = evaluate(Scorer(model, kept), known, test, config.history_length)
    evaluation.write(folder / run_folder.EVALUATION_FILE)
    classes = np.full(method.vocabulary_size, -1)
    classes[ids] = metrics.popularity(interactions.train.counts(interactions.items))
    with files.replacing(folder / run_folder.MODEL_FILE) as temporary:
        model.save(temporary)
    result = TrainResult(
        run_folder.SCHEMA_VERSION,
        method.parameters(),
        interactions.summary(),
        int(model.count_params()),
        state.best_epoch,
        state.history,
        {**metrics.means(ranking, evaluation.relevant), "users": float(len(evaluation))},
        versions(),
        metrics.by_popularity(ranking, evaluation.relevant, classes),
    )
    records.write(folder / run_folder.RESULT_FILE, result)
    checkpoints.remove()


def _compiled(
    config: TrainConfig, method: Method, output: Output, steps_per_epoch: int, teacher: Teacher | None
) -> keras.Model:
    model = ranking_network(method, config.hidden, config.dropout, output)
    if config.distillation and teacher is not None:
        model = Pupil(model.inputs, model.outputs, name=model.name)
        model.learn_from(teacher.network(), config.distillation)
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps_per_epoch * config.epochs)
    kind = optimizers.load(config.optimizer)()
    optimizer = kind.make(schedule, config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=[PER_ID_MARK, "bias"])
    # XLA fuses the passes over the [batch, vocabulary] scores: 40 % less time per step than without.
    model.compile(optimizer, softmax_over_targets, jit_compile=kind.compiled)
    return model


def _stored(config: TrainConfig, method: Method, output: Output, model: keras.Model) -> tuple[Method, keras.Model]:
    """Return the method whose tables are kept and a network with these, which answers as the trained one does."""
    stored = method.stored()
    if stored == method:
        # The same layers, as a model that knows of no teacher.
        return method, keras.Model(model.inputs, model.outputs, name=model.name) if config.distillation else model
    kept = ranking_network(stored, config.hidden, config.dropout, output)
    for source, target in zip(model.layers, kept.layers, strict=True):
        if isinstance(source, CompressedEmbedding):
            for name, values in method.fold(source.table_values()).items():
                target.tables[name].assign(values)
        else:
            target.set_weights(source.get_weights())
    return stored, kept


def _reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Let random layers draw from (seed, epoch) alone: their state is not saved, and a resumed run must go on equal."""
    for number, layer in enumerate(model.layers):
        generator = getattr(layer, "seed_generator", None)
        if generator is not None:
            generator.state.assign([seed, epoch * len(model.layers) + number])


def _some(train: Lists, valid: Lists, config: TrainConfig) -> tuple[Lists, Lists]:
    users = np.flatnonzero(np.diff(valid.offsets) > 0)
    if len(users) > config.validation_users:
        users = np.sort(np.random.default_rng(0).choice(users, config.validation_users, replace=False))
    return Lists.of([train[user] for user in users]), Lists.of([valid[user] for user in users])


def _epochs(
    config: TrainConfig,
    model: keras.Model,
    examples: HistoryExamples,
    state: State,
    checkpoints: Checkpoints,
    validation: tuple[Lists, Lists],
    progress: Progress,
) -> State:
    steps = len(examples)
    scorer = Scorer(model, metrics.METRICS[VALIDATION_METRIC][1])
    for epoch in range(len(state.history), config.epochs):
        if state.epochs_without_gain >= config.patience:
            break
        examples.epoch = epoch
        _reseed(model, config.seed, epoch)
        started = time.monotonic()
        told = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs, done=epoch: progress(done, config.epochs, (batch + 1) / steps)
        )
        fitted = model.fit(examples, epochs=epoch + 1, initial_epoch=epoch, verbose=0, shuffle=False, callbacks=[told])
        found, ranking = evaluate(scorer, *validation, config.history_length)
        value = metrics.means(ranking, found.relevant)[VALIDATION_METRIC]
        seconds = time.monotonic() - started
        state = state.after(Epoch(float(fitted.history["loss"][0]), value, seconds))
        checkpoints.save(model, state)
        progress(epoch + 1, config.epochs, 0.0)
    return state
