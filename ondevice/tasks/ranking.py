"""Ranking: part of a user's items is the history, the best other items are the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ondevice.data.interactions import Interactions
from ondevice.data.lists import Lists
from ondevice.embeddings.method import Method
from ondevice.errors import OnDeviceError, UsageError
from ondevice.models.output import Output
from ondevice.task import Task
from ondevice.training import metrics
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Answers, Ids, Measured

if TYPE_CHECKING:
    import keras


class Ranking(Task[Interactions]):
    """Softmax cross-entropy over all ids, averaged over an example's targets; nDCG over the whole vocabulary."""

    title = "the best items for a history of items"
    signature = "recommend"
    item, example, answer = "item", "user", "item"
    metrics = ("ndcg@20", "ndcg@10", "recall@10", "recall@20")
    top_k = 20

    def require(self, data: Interactions) -> None:
        """Refuse a split without new items, and fewer items than the metrics look at."""
        least = max(metrics.cut_off(name) for name in self.metrics)
        if data.items < least:
            raise OnDeviceError(f"data set {data.name!r} has {data.items} items; the metrics need at least {least}.")
        for split, lists in (("validation", data.valid_answers), ("test", data.test_answers)):
            if not len(lists.values):
                raise OnDeviceError(
                    f"data set {data.name!r} has no {split} items that are new to their users; every split needs some."
                )

    def require_length(self, history_length: int, items: int) -> None:
        """Refuse histories that can hold all but fewer items than an answer has."""
        longest = items - self.top_k
        if history_length > longest:
            raise UsageError(
                f"history_length is {history_length}; allowed is at most {longest}, since the file answers with "
                f"{self.top_k} of {items} items that are not in the history: --set history_length={longest}."
            )

    def output(
        self, kind: type[Output], method: Method, width: int, config: TrainConfig, labels: tuple[str, ...]
    ) -> Output:
        """Build a layer with a score per id, of any kind and ratio."""
        return kind.for_ratio(method, width, config.output_ratio, **config.output_options)

    def training_examples(self, config: TrainConfig, data: Interactions, ids: Ids) -> Any:
        """Return one example per user and epoch."""
        from ondevice.training.examples import HistoryExamples

        return HistoryExamples(
            data.train.mapped(ids),
            data.ordered,
            config.sample_length,
            config.batch_size,
            config.unknown_share,
            config.seed,
        )

    def loss(self) -> Callable[[Any, Any], Any]:
        """Return the softmax cross-entropy."""
        from ondevice.training.loss import softmax_over_targets

        return softmax_over_targets

    def taught(self) -> Callable[[Any, Any], Any]:
        """Return the cross-entropy to the teacher's probabilities."""
        from ondevice.training.loss import softmax_taught

        return softmax_taught

    def validation(self, config: TrainConfig, data: Interactions, ids: Ids, model: keras.Model) -> Callable[[], float]:
        """Measure some users who have validation items."""
        from ondevice.training.score import Scorer, evaluate

        known, relevant = _some(data.train.mapped(ids), data.valid_answers.mapped(ids), config.validation_users)
        scorer = Scorer(model, metrics.cut_off(self.metric))

        def value() -> float:
            found, ranking = evaluate(scorer, known, relevant, config.history_length)
            return metrics.means(ranking, found.relevant, (self.metric,))[self.metric]

        return value

    def measure(
        self, config: TrainConfig, data: Interactions, ids: Ids, model: keras.Model, method: Method
    ) -> Measured:
        """Rank all items for every test user."""
        from ondevice.training.score import Scorer, evaluate, kept_items

        known = data.train.joined(data.valid).mapped(ids)
        kept = kept_items(method.vocabulary_size, config.history_length)
        evaluation, ranking = evaluate(Scorer(model, kept), known, data.test_answers.mapped(ids), config.history_length)
        classes = np.full(method.vocabulary_size, -1)
        classes[ids] = metrics.popularity(data.counts)
        found = metrics.means(ranking, evaluation.relevant, self.metrics)
        return Measured(
            evaluation,
            {**found, self.examples: float(len(evaluation))},
            metrics.per_user(ranking, evaluation.relevant, self.metric, evaluation.scores),
            metrics.by_popularity(ranking, evaluation.relevant, classes, self.metrics),
        )

    def reference_answers(self, model: keras.Model, method: Method, ids: Ids, excluded: Ids) -> Answers:
        """Return several times as many items as a file returns."""
        from ondevice.training.score import Scorer, kept_items

        return Scorer(model, kept_items(method.vocabulary_size, ids.shape[1])).recommend(ids, excluded)


def _some(train: Lists, valid: Lists, most: int) -> tuple[Lists, Lists]:
    users = np.flatnonzero(np.diff(valid.offsets) > 0)
    if len(users) > most:
        users = np.sort(np.random.default_rng(0).choice(users, most, replace=False))
    return train.at(users), valid.at(users)
