"""The tasks: what a model is for, and what its answers, its ids and its examples are called. One TOML file each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ondevice.errors import UsageError
from ondevice.toml_family import load_member, member_names

TASKS = Path(__file__).parent / "tasks"
RANKING = "ranking"


@dataclass(frozen=True)
class Task:
    """What every part of the toolkit must know of a task; the code that belongs to it is in the families of its name:
    `ondevice/training/objectives/` and `converters/signatures/`.

    Args:
        name: name of the task, the file's name.
        title: one line for lists.
        signature: name of the file's signature.
        answers: name of the file's first output; the second one is `scores`.
        item: what an id stands for, e.g. `"item"`.
        example: what is answered once, e.g. `"user"`.
        answer: what an answer consists of, e.g. `"item"`.
        metrics: names of the metrics; the first one is shown first, chooses epochs and settings, and is validated.
        top_k: answers per call if nobody says otherwise; 0 where every call answers with all there are.
        excludes_history: whether an answer may leave out the ids given.
        file_tables: whether test vectors are answered with the tables as the file holds them. Where answers leap, as a
            label's probability does, what coarse tables change would look like a fault of the file.
        one_answer: whether there is but one answer, so that only its score can change.
    """

    name: str
    title: str
    signature: str
    answers: str
    item: str
    example: str
    answer: str
    metrics: tuple[str, ...]
    top_k: int
    excludes_history: bool
    file_tables: bool
    one_answer: bool

    @property
    def metric(self) -> str:
        """The metric that is shown first."""
        return self.metrics[0]

    @property
    def items(self) -> str:
        """Plural of `item`."""
        return f"{self.item}s"

    @property
    def examples(self) -> str:
        """Plural of `example`."""
        return f"{self.example}s"

    def require_metric(self, metric: str | None) -> str:
        """Return the metric asked for, or the one shown first if none is.

        Raises:
            UsageError: the task is not measured by it.
        """
        if metric is not None and metric not in self.metrics:
            raise UsageError(
                f"unknown metric {metric!r} of the task {self.name!r}. Choose one of: {', '.join(self.metrics)}."
            )
        return metric or self.metric


def names() -> list[str]:
    """List the tasks."""
    return member_names(TASKS)


def load(name: str) -> Task:
    """Return a task.

    Raises:
        UsageError: there is no task of this name.
    """
    return load_member(Task, TASKS, name, "task")
