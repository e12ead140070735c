"""The run folder: what training leaves behind, and how the rest reads it. Needs no TensorFlow."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice import arrays, files, records
from ondevice.data import begun
from ondevice.data.split_data import SplitData
from ondevice.data.vocabulary import Vocabulary, read_keys
from ondevice.embeddings.method import Method
from ondevice.embeddings.method import registry as methods
from ondevice.errors import OnDeviceError, UsageError
from ondevice.task import RANKING
from ondevice.tokenizer import Tokenizer
from ondevice.training.config import TrainConfig
from ondevice.training.evaluation import Evaluation

SCHEMA_VERSION = 2
CONFIG_FILE = "config.json"
RESULT_FILE = "result.json"
VOCABULARY_FILE = "vocab.txt"
TITLES_FILE = "titles.txt"
MODEL_FILE = "model.keras"
EVALUATION_FILE = "evaluation.npz"
TEST_VALUES_FILE = "test_values.npy"
CHECKPOINTS = "checkpoints"
LOCK_FILE = ".training"


@dataclass(frozen=True)
class Epoch:
    """One epoch of the history: training loss, validation metric and seconds."""

    loss: float
    validation: float
    seconds: float


@dataclass(frozen=True)
class TrainResult:
    """What a finished training run found, written last.

    Args:
        schema_version: version of this record.
        parameters: the parameters of the embedding method.
        dataset_summary: one sentence about the data.
        model_parameters: numbers the whole model stores.
        best_epoch: epoch whose weights were kept, from 0.
        history: one entry per epoch.
        test: metrics on the test split by name, and the number of examples by their plural, e.g. `"users"`.
        versions: versions of the packages.
        by_popularity: metrics on the test split by class of items, see `metrics.by_popularity`; empty in a run that
            did not record them or whose answers are no items.
        task: name of the task.
        labels: names of the labels by index, where answers are labels.
        tokenizer: how texts were cut, where ids stand for words.
    """

    schema_version: int
    parameters: dict[str, int | float | str | bool]
    dataset_summary: str
    model_parameters: int
    best_epoch: int
    history: tuple[Epoch, ...]
    test: dict[str, float]
    versions: dict[str, str]
    by_popularity: dict[str, dict[str, float]] = field(default_factory=dict)
    task: str = RANKING
    labels: tuple[str, ...] = ()
    tokenizer: Tokenizer | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.best_epoch < max(1, len(self.history)):
            raise OnDeviceError(
                f"best_epoch is {self.best_epoch}; allowed is one of the {len(self.history)} of the history, from 0."
            )

    @property
    def fields(self) -> int:
        """Fields of every example, one id each; 0 where examples are lists of any length."""
        return len(self.tokenizer.fields) if self.tokenizer is not None else 0

    @property
    def best_validation(self) -> float:
        """Validation metric of the epoch whose weights were kept."""
        return self.history[self.best_epoch].validation

    @property
    def seconds(self) -> float:
        """Seconds of training over all epochs, validation included."""
        return sum(epoch.seconds for epoch in self.history)


@dataclass(frozen=True)
class Run:
    """A finished training run on disk, opened with `open_run`."""

    folder: Path
    config: TrainConfig
    result: TrainResult

    @property
    def model(self) -> Path:
        """Path of the trained Keras model."""
        return self.folder / MODEL_FILE

    def method(self) -> Method:
        """Build the embedding method.

        Raises:
            OnDeviceError: the parameters are not those of the method.
        """
        what = f"method {self.config.method!r} in {str(self.folder / RESULT_FILE)!r}"
        return records.from_json(methods.load(self.config.method), self.result.parameters, what)

    def vocabulary(self) -> Vocabulary:
        """Read the vocabulary."""
        return Vocabulary.read(self.folder / VOCABULARY_FILE)

    def titles(self) -> tuple[str, ...]:
        """Read what each id is called for people, empty for its key; `()` where nothing has a title."""
        path = self.folder / TITLES_FILE
        return read_keys(path) if path.is_file() else ()

    def evaluation(self) -> Evaluation:
        """Read the test users and the model's answers to them."""
        return Evaluation.read(self.folder / EVALUATION_FILE)

    def test_values(self) -> npt.NDArray[np.float64]:
        """Read the task's metric of each test example, float64 `[examples]`, everything a user knows left out.

        Raises:
            UsageError: there is no such file.
            OnDeviceError: the file is damaged.
        """
        path = self.folder / TEST_VALUES_FILE
        if not path.is_file():
            raise UsageError(f"test values {str(path)!r} do not exist; `ondevice train` writes them.")
        values = arrays.read_array(path, "test values")
        if values.ndim != 1 or values.dtype != np.float64:
            raise OnDeviceError(
                f"test values {str(path)!r} are {values.dtype} {list(values.shape)}; allowed is float64 [examples]."
            )
        return values


def write_test_values(folder: Path, values: npt.NDArray[np.float64]) -> None:
    """Write what `Run.test_values` reads."""
    with files.replacing(folder / TEST_VALUES_FILE) as temporary, temporary.open("wb") as file:
        # Given a path, NumPy appends its own ending.
        np.save(file, values)


def is_finished(folder: Path) -> bool:
    """Tell whether a folder holds a finished training run."""
    return (folder / RESULT_FILE).is_file()


def open_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        UsageError: the folder holds no run, or one that is not finished.
        OnDeviceError: its records are damaged, or of another version.
    """
    if not (folder / CONFIG_FILE).is_file():
        raise UsageError(f"run folder {str(folder)!r} holds no {CONFIG_FILE}; `ondevice train` writes a run folder.")
    if not is_finished(folder):
        raise UsageError(f"run {str(folder)!r} is not finished; start the same `ondevice train` again to resume it.")
    config = records.read(TrainConfig, folder / CONFIG_FILE, "run config")
    result = records.read(TrainResult, folder / RESULT_FILE, "run result")
    if result.schema_version != SCHEMA_VERSION:
        raise OnDeviceError(
            f"run {str(folder)!r} has schema version {result.schema_version}; this ondevice reads version "
            f"{SCHEMA_VERSION}, so train the model again."
        )
    return Run(folder, config, result)


def claim(folder: Path, config: TrainConfig, data: SplitData) -> None:
    """Start a run folder, or continue one that the same settings have left unfinished with the same data.

    Args:
        folder: the folder.
        config: the settings.
        data: the data set.

    Raises:
        UsageError: the folder exists and is something else, finished, or of other settings or data.
    """
    path = folder / CONFIG_FILE
    if folder.exists() and not path.is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"output {str(folder)!r} exists already and is no run folder; name a new folder.")
    if is_finished(folder):
        raise UsageError(f"output {str(folder)!r} exists already and is a finished run; name a new folder.")
    if path.is_file() and records.read(TrainConfig, path, "run config") != config:
        raise UsageError(
            f"output {str(folder)!r} holds an unfinished run of other settings; use the settings in "
            f"{CONFIG_FILE} to resume it, or name a new folder."
        )
    begun.require_same(folder, data)
    if (folder / CHECKPOINTS).exists() and not (folder / begun.DATA_FILE).is_file():
        raise UsageError(f"output {str(folder)!r} does not say what data it was begun with; name a new folder.")
    records.write(path, config)
    begun.write(folder, data)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a run folder to oneself: two processes that train in it would remove each other's checkpoints.

    Raises:
        UsageError: another process trains there.
    """
    path = folder / LOCK_FILE
    # The system lets go of the lock of a process that was killed, so that a file left behind is no harm.
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(f"output {str(folder)!r} is in use by another training; name a new folder.") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
