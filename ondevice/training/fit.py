"""The training of one model: Keras' own `fit` between what it starts with and what is measured and kept."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import keras

from ondevice import files, records
from ondevice import task as tasks
from ondevice.data.split_data import SplitData
from ondevice.embeddings.layer import PER_ID_MARK, CompressedEmbedding
from ondevice.embeddings.method import Method
from ondevice.models.network import pooled_network
from ondevice.models.output import Output
from ondevice.task import Task
from ondevice.training import optimizer as optimizers
from ondevice.training import run_folder
from ondevice.training.checkpoints import Epochs, Progress
from ondevice.training.choose import chosen, with_fields
from ondevice.training.config import TrainConfig
from ondevice.training.distill import taught
from ondevice.training.kept_memory import freed_memory_kept
from ondevice.training.quantize_aware import rounded_tables
from ondevice.training.run_folder import Run, TrainResult
from ondevice.training.start import arranged, start
from ondevice.training.teacher import Teacher
from ondevice.versions import versions

COMPILED_FROM = 300_000_000
"""Numbers of all steps together, see `_numbers`, from which what XLA's compiling takes, some seconds, is repaid."""


def fit(config: TrainConfig, data: SplitData, folder: Path, progress: Progress) -> Run:
    """Train one model, or resume a run that was interrupted, and evaluate it on the test split.

    Args:
        config: the settings.
        data: the data set.
        folder: run folder to write; an unfinished one of the same settings and data is resumed.
        progress: told how far training is.

    Raises:
        UsageError: the folder is taken, the method can't reach the ratio, or the teacher can't teach.
    """
    config = with_fields(config, data)
    method, output = chosen(config, data)
    run_folder.claim(folder, config, data)
    with run_folder.alone(folder), freed_memory_kept(_largest_array(config, method, output)):
        _fit(config, data, folder, progress, method, output)
    return run_folder.open_run(folder)


def _fit(
    config: TrainConfig, data: SplitData, folder: Path, progress: Progress, method: Method, output: Output
) -> None:
    vocabulary = arranged(config, data, method, output)
    vocabulary.write(folder / run_folder.VOCABULARY_FILE)
    ids = vocabulary.ids(data.item_keys)
    if data.titles:
        titles = dict(zip(ids.tolist(), data.titles, strict=True))
        lines = "".join(f"{titles.get(id_, '')}\n" for id_ in range(len(vocabulary)))
        files.write_text(folder / run_folder.TITLES_FILE, lines)
    task = tasks.load(data.task)

    keras.utils.set_random_seed(config.seed)
    examples = task.training_examples(config, data, ids)
    teacher = Teacher.of_run(run_folder.open_run(Path(config.teacher)), vocabulary) if config.teacher else None
    model = _compiled(config, method, output, len(examples), task, len(data.fields))
    if config.quantize_aware:
        model.get_layer("embedding").rounded = rounded_tables(method, config.quantize_aware)
    epochs = Epochs(folder, config, examples, task.validation(config, data, ids, model), progress)
    done = len(epochs.state.history)
    if done:
        epochs.restore(model)
    else:
        start(config, data, method, model, ids, teacher)
    if epochs.are_left:
        with _taught(model, teacher, task, config.distillation):
            model.fit(examples, epochs=config.epochs, initial_epoch=done, verbose=0, shuffle=False, callbacks=[epochs])
    epochs.load_best(model)
    model.get_layer("embedding").rounded = {}
    method, model = _stored(config, method, output, model, len(data.fields))

    measured = task.measure(config, data, ids, model, method)
    measured.evaluation.write(folder / run_folder.EVALUATION_FILE)
    run_folder.write_test_values(folder, measured.values)
    with files.replacing(folder / run_folder.MODEL_FILE) as temporary:
        model.save(temporary)
    result = TrainResult(
        run_folder.SCHEMA_VERSION,
        method.parameters(),
        data.summary(),
        int(model.count_params()),
        epochs.state.best_epoch,
        epochs.state.history,
        measured.test,
        versions(),
        measured.by_popularity,
        data.task,
        data.labels,
        data.tokenizer,
    )
    records.write(folder / run_folder.RESULT_FILE, result)
    epochs.remove()


def _taught(model: keras.Model, teacher: Teacher | None, task: Task, share: float) -> AbstractContextManager[None]:
    if not share or teacher is None:
        return nullcontext()
    loss = task.taught()
    return taught(model, teacher.network(), share, lambda theirs, own: keras.ops.mean(loss(theirs, own)))


def _compiled(
    config: TrainConfig, method: Method, output: Output, steps_per_epoch: int, task: Task, fields: int
) -> keras.Model:
    model = pooled_network(method, config.hidden, config.dropout, output, fields)
    schedule = keras.optimizers.schedules.CosineDecay(config.learning_rate, steps_per_epoch * config.epochs)
    optimizer = optimizers.make(config.optimizer, schedule, config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=[PER_ID_MARK, "bias"])
    # XLA fuses the passes over the [batch, vocabulary] scores: 40 % less time per step than without.
    compiled = optimizers.compiled(config.optimizer) and _numbers(config, steps_per_epoch, output) >= COMPILED_FROM
    model.compile(optimizer, task.loss(), jit_compile=compiled)
    # Variables that the first step makes would have it traced twice.
    optimizer.build(model.trainable_variables)
    return model


def _numbers(config: TrainConfig, steps_per_epoch: int, output: Output) -> int:
    """Return how many numbers of scores and of looked-up vectors all steps compute."""
    of_example = output.vocabulary_size + config.sample_length * config.width
    return config.epochs * steps_per_epoch * config.batch_size * of_example


def _largest_array(config: TrainConfig, method: Method, output: Output) -> int:
    """Return about how many bytes the largest array of a step has: scores, their layer or a table."""
    of_scores = output.vocabulary_size * max(config.batch_size, config.width)
    return 4 * max(of_scores, *(table.parameters for table in method.tables()))


def _stored(
    config: TrainConfig, method: Method, output: Output, model: keras.Model, fields: int
) -> tuple[Method, keras.Model]:
    """Return the method whose tables are kept and a network with these, which answers as the trained one does."""
    stored = method.stored()
    if stored == method:
        return method, model
    kept = pooled_network(stored, config.hidden, config.dropout, output, fields)
    for source, target in zip(model.layers, kept.layers, strict=True):
        if isinstance(source, CompressedEmbedding):
            for name, values in method.fold(source.table_values()).items():
                target.tables[name].assign(values)
        else:
            target.set_weights(source.get_weights())
    return stored, kept
