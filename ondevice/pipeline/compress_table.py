"""Compress a matrix of vectors alone, with no model and no training, to a bundle that looks them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ondevice.devices.runtimes import DEFAULT_TARGET
from ondevice.errors import UsageError
from ondevice.pipeline.compress import DEFAULT_METHOD, DEFAULT_RECIPE, asked
from ondevice.units import format_share

if TYPE_CHECKING:
    from ondevice.bundle import Bundle
    from ondevice.compression.report import CompressionReport

POOLS = ("", "mean")
NEIGHBOURS = 10
QUERIES = 1_000
"""Vectors whose neighbours are compared, at most."""


@dataclass(frozen=True, eq=False)
class CompressedTable:
    """What `compress_table` made.

    Args:
        bundle: the bundle.
        report: what became of the table.
        vectors: the vectors that the file has, in the order of the rows given, float32 `[rows, width]`.
        error: squared error of these as a share of the squared vectors.
        neighbours: share of the ten nearest neighbours, by cosine, that the file's vectors keep.
    """

    bundle: Bundle
    report: CompressionReport
    vectors: Any
    error: float
    neighbours: float

    def __str__(self) -> str:
        lost, kept = format_share(self.error), format_share(self.neighbours)
        of_file = f"in the file {lost} of the squares are lost, {kept} of the {NEIGHBOURS} nearest neighbours stay"
        return f"{self.report}\n{self.bundle.model}: {of_file}"


def compress_table(
    vectors: Any,
    ratio: float | None = None,
    *,
    out: Path | str,
    budget: int | str | None = None,
    array: str = "",
    keys: Sequence[str] | Path | None = None,
    counts: Sequence[int] | None = None,
    pool: str = "",
    normalize: bool = False,
    length: int = 1,
    method: str = DEFAULT_METHOD,
    scheme: str = "",
    options: dict[str, Any] | None = None,
    recipe: str = DEFAULT_RECIPE,
    target: str = DEFAULT_TARGET,
    seed: int = 0,
    verbose: bool = True,
) -> CompressedTable:
    """Compress vectors and write a bundle that answers `ids` with `vectors`, exact on every runtime installed here.

    The order of the ids comes from the vectors; with keys it costs nothing, since the bundle's vocabulary has it.

    Args:
        vectors: float `[rows, width]`, or path of a file of `ondevice.data.vectors`.
        ratio: numbers of the matrix over numbers stored; 16 without it and without a budget.
        out: bundle folder to write; must not exist.
        budget: bytes of the encoded tables, e.g. `"300kB"`.
        array: name of the array in a file of several.
        keys: the key of each row, or path of a file with one per line; those of the file of vectors without it.
        counts: how often each row is used; all count alike without it.
        pool: `"mean"` where a call answers with the mean of its ids' vectors, places with id 0 left out; then row `i`
            has id `i + 1`.
        normalize: whether answers are scaled to length one.
        length: ids per call.
        method: name of the method.
        scheme: name of the scheme of its tables; that of the recipe without it.
        options: further fields of the method.
        recipe: quantization recipe.
        target: runtime that the file is for.
        seed: seed of whatever is random.
        verbose: whether the report is printed.

    Raises:
        UsageError: a name is unknown, a size is out of reach, or keys and rows are not as many.
        OnDeviceError: a file can't be read.

    Example:
        >>> made = compress_table("words.vec", 16, out="words", pool="mean", length=64)  # doctest: +SKIP
    """
    if pool not in POOLS:
        raise UsageError(f"pool is {pool!r}; allowed is 'mean' or nothing.")
    ratio, most, counted_in = asked(ratio, budget, recipe)
    matrix, names = _read(vectors, array, keys, counts)

    from ondevice.compression.apply import compressed
    from ondevice.compression.plan import Table
    from ondevice.compression.settings import Settings
    from ondevice.compression.usage import Usage
    from ondevice.converters.cut_off import PADDING
    from ondevice.converters.tables import encoded_for, layers_of
    from ondevice.pipeline.export import export

    padded = int(bool(pool))
    model = _model(matrix, length, pool, normalize)
    layer = model.get_layer("vectors")
    usage = Usage.none(layer.input_dim, layer.output_dim)
    usage.seen[padded:] = 1 if counts is None else counts
    names = [PADDING] * padded + names if names else []
    settings = Settings(method, ratio, "", scheme, options or {})
    stored = "" if names else "input ids has no vocabulary"
    report = compressed(
        [Table("vectors", layer, settings, True, usage, padded, stored, names)], counted_in, most, seed=seed
    )
    sample = np.arange(padded, min(len(matrix), 64 * length) + padded, dtype=np.int32)
    bundle = export(
        model,
        out,
        sample=np.resize(sample, (64, length)),
        vocabularies={"ids": names} if names else None,
        recipe=recipe,
        target=target,
    )
    encoded = encoded_for(layers_of(model)["vectors"], counted_in, target)
    found = encoded.lookup(np.arange(padded, encoded.size, dtype=np.int32))
    made = CompressedTable(bundle, report, found, _error(matrix, found), _kept(matrix, found, seed))
    if verbose:
        print(made)
    return made


def _read(vectors: Any, array: str, keys: Any, counts: Any) -> tuple[Any, list[str]]:
    """Return the vectors, float32 `[rows, width]`, and their keys; none where nobody names them."""
    from ondevice.data.vectors import read_vectors
    from ondevice.data.vocabulary import read_keys

    if isinstance(vectors, (str, Path)):
        vectors, own = read_vectors(Path(vectors), array)
        keys = keys if keys is not None else own or None
    keys = read_keys(keys) if isinstance(keys, Path) else keys
    matrix = np.ascontiguousarray(vectors, np.float32)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise UsageError(f"vectors are of shape {list(matrix.shape)}; allowed is a matrix of finite numbers.")
    for name, given in (("keys", keys), ("counts", counts)):
        if given is not None and len(given) != len(matrix):
            raise UsageError(f"{name} are {len(given)} for {len(matrix)} vectors; allowed is one for each.")
    return matrix, [str(key) for key in keys or ()]


def _model(matrix: Any, length: int, pool: str, normalize: bool) -> Any:
    import keras

    ids = keras.Input((length,), dtype="int32", name="ids")
    rows = np.concatenate([np.zeros((int(bool(pool)), matrix.shape[1]), np.float32), matrix])
    layer = keras.layers.Embedding(*rows.shape, name="vectors")
    found = layer(ids)
    layer.set_weights([rows])
    if pool:
        given = keras.ops.cast(keras.ops.expand_dims(ids, -1) > 0, "float32")
        total = keras.ops.sum(found * given, axis=1)
        found = total / keras.ops.maximum(keras.ops.sum(given, axis=1), 1.0)
    if normalize:
        found = keras.layers.UnitNormalization()(found)
    return keras.Model(ids, keras.layers.Identity(name="answer")(found), name="embed")


def _error(before: Any, after: Any) -> float:
    return float(np.sum(np.square(after - before)) / max(float(np.sum(np.square(before))), np.finfo(float).tiny))


def _kept(before: Any, after: Any, seed: int) -> float:
    """Return the share of each vector's nearest neighbours that are among them afterwards, too."""
    count = min(NEIGHBOURS, len(before) - 1)
    queries = np.random.default_rng(seed).permutation(len(before))[:QUERIES]

    def nearest(vectors: Any) -> Any:
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        likeness = (vectors[queries] / lengths[queries]) @ (vectors / lengths).T
        likeness[np.arange(len(queries)), queries] = -np.inf
        return np.argpartition(-likeness, count - 1, axis=1)[:, :count]

    pairs = zip(nearest(before), nearest(after), strict=True)
    return float(np.mean([len(np.intersect1d(one, other)) / count for one, other in pairs]))
