"""The manifest of a bundle: everything about an exported file that its reader may need."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from ondevice.encoding_error import EncodingError
from ondevice.errors import OnDeviceError
from ondevice.feature import Feature
from ondevice.head import Head

UNKNOWN_RUNTIME = "unknown"
VOCABULARY, STORED = "vocabulary", "stored"

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
    """One stored table of an embedding, as the file holds it.

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
class LookupCall:
    """One place of the graph where a layer's tables are looked up.

    Args:
        ids: name of the tensor in the file with the ids, int32.
        vectors: name of the tensor with their vectors, float32 `[*shape, width]`.
        shape: shape of the ids.
    """

    ids: str
    vectors: str
    shape: tuple[int, ...]

    @property
    def length(self) -> int:
        """Ids per call."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Lookup:
    """What the file's look-ups of a layer must give: for every id the reference's vector, bit for bit.

    Args:
        calls: where the graph looks this layer's ids up.
        size: ids are 0 to this number minus one.
        width: numbers per vector.
        ids_per_block: consecutive ids that share a digest; block n starts with id `n * ids_per_block`, the last one
            may be shorter.
        sha256: per block, the SHA-256 of the reference's vectors as float32, little-endian, one id after the other.
            Zeros are made positive first, since both zeros are equal. Empty for a file that does not promise exact
            look-ups, which are then not checked.
    """

    calls: tuple[LookupCall, ...]
    size: int
    width: int
    ids_per_block: int
    sha256: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("size", "width", "ids_per_block"):
            if getattr(self, name) < 1:
                raise OnDeviceError(f"{name} is {getattr(self, name)}; allowed is a whole number of at least 1.")


@dataclass(frozen=True)
class Embedding:
    """How ids become vectors in one layer: the method, the id order and the sizes.

    Args:
        layer: name of the layer in the model.
        features: names of the inputs whose ids it looks up as they are; none where it looks up computed ones.
        method: name of the method, e.g. `"memcom"`.
        parameters: the method's own parameters.
        order: name of the id order of a task of ours; `VOCABULARY` where the ids of the file are the places that the
            layer has for the model's, which vocabularies list in that order; `STORED` where the file holds these places
            as the table `order`; empty where ids are as the model had them.
        ratio: parameters of the full table over parameters stored.
        stored_parameters: numbers stored for the look-up.
        full_parameters: numbers of the full table of the same vocabulary and width.
        tables: one record per stored table.
        lookup: what the file's look-ups must give.
        error: what encoding the tables changed of the vectors.
    """

    layer: str
    features: tuple[str, ...]
    method: str
    parameters: dict[str, int | float | str | bool]
    order: str
    ratio: float
    stored_parameters: int
    full_parameters: int
    tables: tuple[Table, ...]
    lookup: Lookup
    error: EncodingError


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
class Training:
    """What is known of how the model was trained; all empty for a model of one's own.

    Args:
        dataset: name of the data set it was trained on.
        dataset_summary: one sentence about that data set.
        seed: seed of the training run.
        seconds: seconds spent on training.
        quality: metrics of the float reference model on the test split, by name.
        quality_by_popularity: the same metrics, each class of items (see `POPULARITY`) alone relevant, with the
            numbers of `"users"` and `"items"`; empty if training did not record them.
    """

    dataset: str = ""
    dataset_summary: str = ""
    seed: int = 0
    seconds: float = 0.0
    quality: dict[str, float] = field(default_factory=dict)
    quality_by_popularity: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """Everything about an exported file that its reader may need, versioned.

    Args:
        schema_version: version of this record.
        name: name of the model.
        task: the task of ours that the model was trained for: `"ranking"` (the best items for a history), `"text"` (the
            labels of a text) or `"clicks"` (how probable a click is); empty for a model of one's own.
        signature: name of the signature.
        inputs: its inputs in order.
        outputs: its outputs in order.
        head: what the outputs are.
        embeddings: how ids become vectors, one record per layer.
        skipped: why a layer with a table is none of these, by its name.
        recipe: name of the quantization recipe.
        dense: number format of the dense layers' weights, with granularity.
        parameters: numbers the whole model stores.
        file_bytes: size of the model in `model.tflite`, without what is appended to it.
        overhead_bytes: part of it that is not weights.
        vocabulary_bytes: size of all vocabularies.
        ops: builtin operations of the file and how often each occurs.
        target_runtime: runtime the file was made for; empty for a file of the stock converter, which is there to be
            compared with and of which nothing was proven before it was written.
        minimum_runtime: oldest TensorFlow Lite version whose kernels cover every operation of the file; only a file of
            the stock converter may hold an operation that none is known for, and says `UNKNOWN_RUNTIME`.
        score_tolerance_steps: largest difference to the reference model that counts as equal, in steps of 1/255 of the
            range of the reference's numbers.
        sha256: digest of every other file of the bundle, by file name.
        versions: versions of the packages that made it.
        training: how the model was trained.
        output: the output layer, where it is one of ours.
        appended_bytes: size of the archive appended to the model, so that the file has `file_bytes` and these.
        appended: names of the files in that archive.
        constants: SHA-256 of every constant of the model as it was proven, with type, shape and scales, in the order of
            the tensors; last that of what every operation reads and writes.
    """

    schema_version: int
    name: str
    task: str
    signature: str
    inputs: tuple[Feature, ...]
    outputs: tuple[Tensor, ...]
    head: Head
    embeddings: tuple[Embedding, ...]
    skipped: dict[str, str]
    recipe: str
    dense: str
    parameters: int
    file_bytes: int
    overhead_bytes: int
    vocabulary_bytes: int
    ops: dict[str, int]
    target_runtime: str
    minimum_runtime: str
    score_tolerance_steps: float
    sha256: dict[str, str]
    versions: dict[str, str]
    training: Training = field(default_factory=Training)
    output: OutputLayer | None = None
    appended_bytes: int = 0
    appended: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()

    @property
    def comparison(self) -> bool:
        """Whether the stock converter made the file, to be compared with."""
        return not self.target_runtime

    @property
    def vocabularies(self) -> tuple[str, ...]:
        """File names of the vocabularies, each once."""
        return tuple(dict.fromkeys(feature.vocabulary for feature in self.inputs if feature.vocabulary))

    @property
    def titles(self) -> tuple[str, ...]:
        """File names of the titles, each once."""
        return tuple(dict.fromkeys(feature.titles for feature in self.inputs if feature.titles))

    @property
    def method(self) -> str:
        """Names of the embedding methods, each once."""
        return ", ".join(dict.fromkeys(embedding.method for embedding in self.embeddings))

    @property
    def ratio(self) -> float:
        """Parameters of the full tables over parameters stored, of all layers together."""
        stored = sum(embedding.stored_parameters for embedding in self.embeddings)
        return sum(embedding.full_parameters for embedding in self.embeddings) / stored if stored else 1.0

    @property
    def tables(self) -> dict[str, Table]:
        """The stored tables of all layers by `layer/table`."""
        return {f"{each.layer}/{table.name}": table for each in self.embeddings for table in each.tables}

    def feature(self, name: str) -> Feature:
        """Return an input by its name."""
        return next(feature for feature in self.inputs if feature.name == name)
