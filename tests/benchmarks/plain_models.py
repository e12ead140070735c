"""Models of plain Keras on real data, as somebody writes them who knows nothing of this toolkit.

`python tests/benchmarks/plain_models.py --data FOLDER --cache MODELS --problems toys gowalla kddcup --seeds 0 1 2`
trains those that the cache lacks and prints their metrics.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from ondevice.data import dataset
from ondevice.data.lists import Lists, padded
from ondevice.training.examples import HistoryExamples

WIDTH, LENGTH, K = 64, 256, 20
SETTINGS: dict[str, dict[str, Any]] = {
    "toys": {"set": "amazon-toys-seq", "rate": 0.05, "epochs": 60, "patience": 20, "dropout": 0.3, "sample": 20},
    "gowalla": {"set": "gowalla", "rate": 0.02, "epochs": 18, "patience": 18, "dropout": 0.5, "sample": 64},
}
"""Settings chosen for the full table on validation data, as in `ondevice/data/datasets`."""


@dataclass(frozen=True, eq=False)
class Problem:
    """A model and its data.

    Args:
        model: makes a compiled model, for the seed set before.
        examples: training examples for `model.fit`, by seed.
        epochs: epochs of the full model.
        patience: epochs without a better validation metric after which it stops.
        validation: the metric on validation data; more is better.
        test: the metric on test data.
    """

    model: Callable[[], keras.Model]
    examples: Callable[[int], Any]
    epochs: int
    patience: int
    validation: Callable[[keras.Model], float]
    test: Callable[[keras.Model], float]


class KeepBest(keras.callbacks.Callback):
    """Gives each epoch its number, and the model the weights of the best one."""

    def __init__(self, problem: Problem, examples: Any) -> None:
        super().__init__()
        self.problem, self.examples, self.best, self.values = problem, examples, None, []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.examples.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.values.append(self.problem.validation(self.model))
        if self.values[-1] == max(self.values):
            self.best = self.model.get_weights()
        if epoch - int(np.argmax(self.values)) >= self.problem.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        self.model.set_weights(self.best)


@keras.saving.register_keras_serializable(package="plain")
def mean_softmax(targets: Any, logits: Any) -> Any:
    """Minus the mean log-probability of the targets, `[batch, targets]` filled with zeros."""
    weights = keras.ops.cast(targets != 0, "float32")
    found = keras.ops.take_along_axis(keras.ops.log_softmax(logits), keras.ops.cast(targets, "int32"), axis=1)
    total = keras.ops.maximum(keras.ops.sum(weights, axis=1), 1.0)
    return -keras.ops.sum(weights * found, axis=1) / total


def ndcg(model: keras.Model, histories: Lists, answers: Lists) -> float:
    """Return nDCG@20 over all items that the history does not hold, averaged over the users with an answer."""
    users, total = np.flatnonzero(np.diff(answers.offsets)), 0.0
    discounts = 1 / np.log2(np.arange(2, K + 2))
    for start in range(0, len(users), 1024):
        some = users[start : start + 1024]
        scores = model.predict_on_batch(padded([histories[user][-LENGTH:] for user in some], LENGTH))
        scores[:, :2] = -np.inf
        for row, user in enumerate(some):
            scores[row, histories[user]] = -np.inf
        best = np.argpartition(-scores, K, axis=1)[:, :K]
        best = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, 1), axis=1), 1)
        for row, user in enumerate(some):
            wanted = answers[user]
            total += float(np.isin(best[row], wanted) @ discounts) / discounts[: len(wanted)].sum()
    return total / len(users)


def history_problem(name: str, data: Path) -> Problem:
    """Items that follow from a history: masked mean of vectors, a hidden layer, a softmax over all items."""
    settings = SETTINGS[name]
    found = dataset.load(settings["set"]).read(data / settings["set"])
    ids = np.arange(2, found.items + 2, dtype=np.int32)
    train, valid = found.train.mapped(ids), found.valid_answers.mapped(ids)
    test, known = found.test_answers.mapped(ids), found.train.joined(found.valid).mapped(ids)
    sampled = {user: each for user, each in enumerate(valid) if len(each)}
    chosen = np.random.default_rng(0).permutation(list(sampled))[:3000]
    checked = Lists.of([sampled[user] if user in set(chosen) else [] for user in range(len(train))])

    def examples(seed: int) -> HistoryExamples:
        return HistoryExamples(train, found.ordered, settings["sample"], 256, 0.005, seed)

    def model() -> keras.Model:
        history = keras.Input((None,), dtype="int32", name="history")
        vectors = keras.layers.Embedding(found.items + 2, WIDTH, mask_zero=True, name="item")(history)
        hidden = keras.layers.Dense(WIDTH, "tanh", name="hidden")(keras.layers.GlobalAveragePooling1D()(vectors))
        hidden = keras.layers.Dropout(settings["dropout"])(hidden)
        made = keras.Model(history, keras.layers.Dense(found.items + 2, name="scores")(hidden))
        steps = len(examples(0)) * settings["epochs"]
        optimizer = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(settings["rate"], steps), 0.1)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        made.compile(optimizer, mean_softmax)
        return made

    return Problem(
        model,
        examples,
        settings["epochs"],
        settings["patience"],
        lambda made: ndcg(made, train, checked),
        lambda made: ndcg(made, known, test),
    )


def click_problem(data: Path) -> Problem:
    """Clicks on advertisements: a table for each of nine columns, two hidden layers, a probability."""
    log = dataset.load("kddcup2012").read(data / "kddcup2012-click-40k")
    fields, own = log.item_fields, np.zeros(log.items + 2, np.int32)
    for field in range(len(log.fields)):
        places = np.flatnonzero(fields == field)
        own[places + 2] = np.arange(1, len(places) + 1)
    sizes = np.bincount(fields, minlength=len(log.fields)) + 1

    def split(part: Any) -> tuple[dict[str, Any], Any]:
        # A value that is too rare has no number: -1.
        lines = np.stack(list(part.keys)) + 2
        columns = {name: own[np.maximum(lines[:, place], 0)] for place, name in enumerate(log.fields)}
        return columns, part.labels.astype(np.float32)

    train, valid, test = split(log.train), split(log.valid), split(log.test)

    def model() -> keras.Model:
        inputs = {name: keras.Input((), dtype="int32", name=name) for name in log.fields}
        vectors = [
            keras.layers.Embedding(int(size), 16, name=f"{name}_embedding")(inputs[name])
            for name, size in zip(log.fields, sizes, strict=True)
        ]
        hidden = keras.layers.Dense(64, "relu")(keras.layers.Concatenate()(vectors))
        made = keras.Model(inputs, keras.layers.Dense(1, "sigmoid", name="click")(hidden))
        made.compile(keras.optimizers.Adam(0.001), "binary_crossentropy")
        return made

    def auc(made: keras.Model, given: tuple[dict[str, Any], Any]) -> float:
        return float(roc_auc_score(given[1], made.predict(given[0], batch_size=4096, verbose=0)[:, 0]))

    class Lines(keras.utils.PyDataset):
        def __init__(self, seed: int) -> None:
            super().__init__()
            self.seed, self.epoch = seed, 0

        def __len__(self) -> int:
            return len(train[1]) // 256

        def __getitem__(self, batch: int) -> Any:
            rows = np.random.default_rng([self.seed, self.epoch]).permutation(len(train[1]))[batch * 256 :][:256]
            return {name: column[rows] for name, column in train[0].items()}, train[1][rows]

    return Problem(model, Lines, 6, 2, lambda made: auc(made, valid), lambda made: auc(made, test))


def problem(name: str, data: Path) -> Problem:
    """Return a problem by its name: `"toys"`, `"gowalla"` or `"kddcup"`."""
    return click_problem(data) if name == "kddcup" else history_problem(name, data)


def trained(name: str, given: Problem, seed: int, cache: Path) -> keras.Model:
    """Return the full model of a seed, from the cache if it is there."""
    path = cache / f"{name}-seed-{seed}.keras"
    if not path.exists():
        keras.utils.set_random_seed(seed)
        model, examples = given.model(), given.examples(seed)
        model.fit(examples, epochs=given.epochs, verbose=0, shuffle=False, callbacks=[KeepBest(given, examples)])
        cache.mkdir(parents=True, exist_ok=True)
        model.save(path)
    return keras.saving.load_model(path)


def main() -> None:
    """Train what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--problems", nargs="+", default=["toys", "gowalla", "kddcup"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    for seed in arguments.seeds:
        for name in arguments.problems:
            given, started = problem(name, arguments.data), time.monotonic()
            model = trained(name, given, seed, arguments.cache)
            found = f"validation {given.validation(model):.4f}, test {given.test(model):.4f}"
            print(f"{name} seed {seed}: {found}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
