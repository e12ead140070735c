"""The manifest of a bundle: everything about an exported file that its reader may need."""

from __future__ import annotations

from dataclasses import dataclass, field

from ondevice.encoding_error import EncodingError
from ondevice.errors import OnDeviceError
from ondevice.ids import RESERVED_IDS
from ondevice.task import RANKING
from ondevice.tokenizer import Tokenizer

UNKNOWN_RUNTIME = "unknown"

POPULARITY = ("head", "torso", "tail", "cold")
"""The classes of items by how often they occur in training: head, torso and tail have a third of it each, cold none."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of the signature: name, shape and NumPy type name."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Table:
    """One stored table of the embedding, as the file holds it.

    Args:
        name: the method's name for the table.
        shape: `(rows, width)`.
        scheme: name of the quantization scheme that encoded it.
        reason: why the recipe's scheme was not used, empty where it was.
        folded_into: name of the table that took this table's scales, empty where they are stored or not needed.
        payload_bytes: bytes of the encoded arrays.
        float32_bytes: bytes of the table before encoding.
        max_error: largest absolute difference between decoded and original values.
        relative_error: root mean square of that difference over the root mean square of the values.
        storage: type of the table in the file where the target gathers its rows as they are, `"int4"`; empty where the
            file holds what the scheme makes for all runtimes.
        portable: why a table whose scheme has such a type is stored for all runtimes instead; else empty.
    """

    name: str
    shape: tuple[int, ...]
    scheme: str
    reason: str
    folded_into: str
    payload_bytes: int
    float32_bytes: int
    max_error: float
    relative_error: float
    storage: str = ""
    portable: str = ""


@dataclass(frozen=True)
class Lookup:
    """What every look-up of the file must give, as digests.

    A digest stands for the vectors themselves, which are as large as the full table. So whoever has the bundle can
    check every id on any device, bit for bit, without the training run and without this package's look-up.

    Args:
        tensor: name of the tensor in the file that holds the looked-up vectors, float32 `[1, length, width]`.
        width: numbers per vector.
        ids_per_block: consecutive ids that share a digest; block n starts with id `n * ids_per_block`, the last one
            may be shorter.
        sha256: per block, the SHA-256 of the reference's vectors as float32, little-endian, one id after the other.
            Zeros are made positive first, since both zeros are equal. Empty for a file that does not promise exact
            look-ups, which are then not checked.
    """

    tensor: str
    width: int
    ids_per_block: int
    sha256: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.ids_per_block < 1:
            raise OnDeviceError(f"ids_per_block is {self.ids_per_block}; allowed is a whole number of at least 1.")


@dataclass(frozen=True)
class Embedding:
    """How ids become vectors: the method, the id order and the sizes.

    Args:
        method: name of the method, e.g. `"memcom"`.
        parameters: the method's own parameters.
        order: name of the id order.
        ratio: parameters of the full table over parameters stored.
        stored_parameters: numbers stored for the look-up.
        full_parameters: numbers of the full table of the same vocabulary and width.
        tables: one record per stored table.
        lookup: what the file's look-ups must give.
        error: what encoding the tables changed of the vectors; None in a bundle of a version that did not say.
    """

    method: str
    parameters: dict[str, int | float | str | bool]
    order: str
    ratio: float
    stored_parameters: int
    full_parameters: int
    tables: tuple[Table, ...]
    lookup: Lookup
    error: EncodingError | None = None


@dataclass(frozen=True)
class OutputLayer:
    """How the hidden vector becomes a score per item, as the file holds it.

    Args:
        name: name of the output layer, e.g. `"low_rank"`.
        parameters: the layer's own parameters.
        payload_bytes: bytes of the file that only this layer uses, graph and scales apart.
        float32_bytes: bytes of the dense output layer of the same sizes as float32.
    """

    name: str
    parameters: dict[str, int | float | str | bool]
    payload_bytes: int
    float32_bytes: int


@dataclass(frozen=True)
class Manifest:
    """Everything about an exported file that its reader may need, versioned.

    Args:
        schema_version: version of this record.
        name: name of the model.
        dataset: name of the data set it was trained on.
        dataset_summary: one sentence about that data set.
        seed: seed of the training run.
        training_seconds: seconds spent on training.
        signature: name of the signature.
        inputs: its inputs in order.
        outputs: its outputs in order.
        vocabulary_size: ids are 0 to this number minus one; 0 is padding, 1 is unknown.
        history_length: ids per call; shorter histories are filled with padding.
        top_k: items returned per call.
        out_of_range: what an id outside the vocabulary counts as, `"unknown"` or `"padding"`.
        excludes_history: whether the items given are left out of the answer.
        recipe: name of the quantization recipe.
        dense: number format of the dense layers' weights, with granularity.
        comparison: whether the file is only there to compare with; nothing was proven of it before it was written.
        embedding: how ids become vectors.
        parameters: numbers the whole model stores.
        file_bytes: size of the model in `model.tflite`, without what is appended to it.
        overhead_bytes: part of it that is not weights.
        vocabulary_bytes: size of `vocab.txt`.
        ops: builtin operations of the file and how often each occurs.
        target_runtime: runtime the file was made for; empty for a file to compare with, which is made for none.
        minimum_runtime: oldest TensorFlow Lite version whose kernels cover every operation of the file; only a file to
            compare with may hold an operation that none is known for, and says `UNKNOWN_RUNTIME`.
        score_tolerance_steps: largest score difference to the reference model that counts as equal, in steps of
            1/255 of the range of the reference scores.
        quality: metrics of the float reference model on the test split, by name.
        sha256: digest of every other file of the bundle, by file name.
        versions: versions of the packages that made it.
        quality_by_popularity: the same metrics, each class of items (see `POPULARITY`) alone relevant, with the
            numbers of `"users"` and `"items"`; empty if training did not record them.
        output: the output layer; None in a bundle of a version that did not say.
        appended_bytes: size of the archive appended to the model, so that the file has `file_bytes` and these.
        appended: names of the files in that archive.
        task: what the model does: `"ranking"` (the best items for a history), `"text"` (the labels of a text) or
            `"clicks"` (how probable a click is).
        labels: names of the labels by index, for a model that answers with labels; else empty.
        tokenizer: how a text, or the fields of a line, become the keys that the vocabulary holds; None for a model
            whose ids are picked.
    """

    schema_version: int
    name: str
    dataset: str
    dataset_summary: str
    seed: int
    training_seconds: float
    signature: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    vocabulary_size: int
    history_length: int
    top_k: int
    out_of_range: str
    excludes_history: bool
    recipe: str
    dense: str
    comparison: bool
    embedding: Embedding
    parameters: int
    file_bytes: int
    overhead_bytes: int
    vocabulary_bytes: int
    ops: dict[str, int]
    target_runtime: str
    minimum_runtime: str
    score_tolerance_steps: float
    quality: dict[str, float]
    sha256: dict[str, str]
    versions: dict[str, str]
    quality_by_popularity: dict[str, dict[str, float]] = field(default_factory=dict)
    output: OutputLayer | None = None
    appended_bytes: int = 0
    appended: tuple[str, ...] = ()
    task: str = RANKING
    labels: tuple[str, ...] = ()
    tokenizer: Tokenizer | None = None

    @property
    def answer_range(self) -> tuple[int, int]:
        """The least number that an answer may hold, and the one beyond the largest: of a label, else of an item."""
        return (0, len(self.labels)) if self.labels else (RESERVED_IDS, self.vocabulary_size)
