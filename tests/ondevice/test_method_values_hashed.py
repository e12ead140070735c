"""Golden vectors of the methods that hash, and the hash functions: exact in int32, even, different from each other."""

from __future__ import annotations

import numpy as np
import pytest

from ondevice.embeddings.every_id import reference_lookup, rows_used
from ondevice.embeddings.hashes import LARGEST, PRIME, hashed
from ondevice.embeddings.layer import CompressedEmbedding
from ondevice.embeddings.method import Method, registry
from ondevice.embeddings.ops import NumpyOps
from ondevice.errors import UsageError
from ondevice.quantize.encode import encode

NO_BUCKETS = 2**31 - 1
"""So many buckets that the bucket is the hash itself."""


def buckets_of(numbers: np.ndarray, buckets: int, function: int = 1) -> np.ndarray:
    found = hashed(numbers.astype(np.int32), buckets, function, NumpyOps())
    assert found.dtype == np.int32
    return found


def test_hash_worked_by_hand() -> None:
    """1 -> 7919; its square 16600; the square of that and 7919: 1780; so 16600 * 46337 + 1780."""
    assert buckets_of(np.array([0, 1, 2]), NO_BUCKETS).tolist() == [0, 769_195_980, 929_669_519]


@pytest.mark.parametrize("function", [1, 2, 9])
def test_hash_is_exact_up_to_its_largest_number(function: int) -> None:
    """Compared with Python's integers, which do not overflow."""
    edges = [0, 1, PRIME - 1, PRIME, PRIME + 1, 9_999_999, 10_000_000, LARGEST - PRIME, LARGEST - 1, LARGEST]
    numbers = np.array(edges + np.random.default_rng(0).integers(0, LARGEST, 2_000).tolist())
    expected = []
    for number in numbers.tolist():
        quotient, remainder = divmod(number, PRIME)
        first = (remainder * 7_919**function + quotient) % PRIME
        second = (first**2 + quotient) % PRIME
        expected.append(second * PRIME + (second**2 + first) % PRIME)
    assert buckets_of(numbers, NO_BUCKETS, function).tolist() == expected


def test_largest_prime_whose_square_fits() -> None:
    assert LARGEST < 2**31
    assert all(PRIME % divisor for divisor in range(2, 216))
    larger = [n for n in range(PRIME + 1, 46_341) if all(n % divisor for divisor in range(2, 216))]
    assert larger == []


def test_every_number_has_a_hash_of_its_own() -> None:
    numbers = np.concatenate([np.arange(300_000), np.arange(10_000_000, 10_300_000), np.arange(0, LARGEST, 9_973)])
    assert len(np.unique(buckets_of(np.unique(numbers), NO_BUCKETS))) == len(np.unique(numbers))


@pytest.mark.parametrize("function", [1, 2, 3])
@pytest.mark.parametrize(
    ("numbers", "buckets"),
    [
        (300, 20),
        (5_000, 100),
        (41_000, 2_562),
        (PRIME, 4_096),
        (200_000, PRIME - 1),
        (200_000, PRIME),
        (1_000_000, 62_500),
        (1_000_000, 1_000),
    ],
)
@pytest.mark.parametrize("start", [0, 9_000_000])
def test_buckets_are_as_even_as_chance(numbers: int, buckets: int, function: int, start: int) -> None:
    """Chi-square within five standard deviations on both sides: too even is a grid, and not chance either."""
    found = np.bincount(buckets_of(np.arange(start, start + numbers), buckets, function), minlength=buckets)
    expected = numbers / buckets
    statistic = np.sum((found - expected) ** 2 / expected)
    assert abs(statistic - (buckets - 1)) < 5 * np.sqrt(2 * (buckets - 1))


def agreeing_pairs(keys: np.ndarray) -> int:
    counts = np.unique(keys, axis=0, return_counts=True)[1].astype(np.int64)
    return int(np.sum(counts * (counts - 1) // 2))


@pytest.mark.parametrize(("items", "rows"), [(5_000, 200), (41_000, 2_562), (200_000, 12_500)])
def test_few_items_share_both_rows(items: int, rows: int) -> None:
    """Two random functions let n * n / m / m of the pairs agree, either order of the two rows counted."""
    used = rows_used(registry.load("double_hashing")(items + 2, 1, rows), "pool")[2:]
    expected = items**2 / rows**2
    assert agreeing_pairs(np.sort(used, axis=1)) < expected + 5 * np.sqrt(expected)
    hashing = rows_used(registry.load("hashing")(items + 2, 1, rows), "shared")[2:]
    assert agreeing_pairs(hashing) > 0.4 * rows * expected


def test_hash_functions_are_independent_of_each_other() -> None:
    items, rows = 41_000, 1_000
    used = rows_used(registry.load("hash_embedding")(items + 2, 1, rows, hashes=4), "shared")[2:].astype(np.int64)
    expected = items**2 / 2 / rows**2
    for one in range(4):
        for other in range(one):
            assert agreeing_pairs(used[:, [one, other]]) < expected + 5 * np.sqrt(expected)


def test_double_hashing_hand_vector() -> None:
    """First rows 0 1 2 0; the second are 769195980 and so on modulo three."""
    numbers = buckets_of(np.arange(1, 5), NO_BUCKETS) % 3
    assert numbers.tolist()[:2] == [0, 2]
    pool = np.array([[0, 7], [0, 9], [1, 10], [2, 20], [3, 30]], np.float32)
    method = registry.load("double_hashing")(6, 2, 3)
    vectors = reference_lookup(method, {"pool": pool}, np.arange(6, dtype=np.int32))
    assert vectors[:4].tolist() == [[0, 14], [0, 18], [1 + 1, 10 + 10], [2 + 3, 20 + 30]]
    np.testing.assert_array_equal(vectors[2:], pool[[2, 3, 4, 2]] + pool[2 + numbers])


def test_frequent_items_own_their_row() -> None:
    method = registry.load("double_hashing")(103, 2, 10, frequent=20)
    used = rows_used(method, "pool")
    np.testing.assert_array_equal(used[:22], np.stack([np.arange(22)] * 2, axis=1))
    assert used[22:].min() == 22
    assert method.needs_order == "frequency"
    assert registry.load("double_hashing")(103, 2, 10).needs_order == ""
    # Hashing starts anew at the first item that shares.
    apart = rows_used(registry.load("double_hashing")(83, 2, 10), "pool")
    np.testing.assert_array_equal(used[22:] - 20, apart[2:])


@pytest.mark.parametrize("sharing", ["mod", "block"])
def test_hash_embedding_of_one_row_is_memcom(sharing: str) -> None:
    """Equal values, equal gradients, and an equal start of training: at naive hashing."""
    import tensorflow as tf

    memcom = registry.load("memcom")(53, 4, 7, sharing)
    single = registry.load("hash_embedding")(53, 4, 7, sharing, hashes=1)
    rng = np.random.default_rng(0)
    values = [rng.standard_normal((t.rows, t.width)).astype(np.float32) for t in memcom.tables()]
    assert [v.shape for v in values] == [(t.rows, t.width) for t in single.tables()]
    outputs, gradients = [], []
    for method in (memcom, single):
        layer = CompressedEmbedding.of(method)
        layer.build((None, None))
        assert np.unique(list(layer.table_values().values())[1]).tolist() == [1]
        for variable, value in zip(layer.tables.values(), values, strict=True):
            variable.assign(value)
        with tf.GradientTape() as tape:
            vectors = layer(np.arange(53, dtype=np.int32))
            loss = tf.reduce_sum(vectors**3)
        outputs.append(np.asarray(vectors))
        found = tape.gradient(loss, [variable.value for variable in layer.tables.values()])
        gradients.append([np.asarray(tf.convert_to_tensor(gradient)) for gradient in found])
    np.testing.assert_array_equal(*outputs)
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_array_equal(one, other)


def test_hash_embedding_of_one_row_is_encoded_as_memcom() -> None:
    memcom, single = registry.load("memcom")(53, 8, 7), registry.load("hash_embedding")(53, 8, 7, hashes=1)
    shared = np.random.default_rng(0).standard_normal((9, 8)).astype(np.float32)
    numbers = np.random.default_rng(1).standard_normal((53, 1)).astype(np.float32)
    one = encode(memcom, {"shared": shared, "multiplier": numbers}, "int8_row")
    other = encode(single, {"shared": shared, "weights": numbers}, "int8_row")
    assert other.tables["shared"].folded_into == "weights"
    assert one.payload_bytes == other.payload_bytes
    every = np.arange(53, dtype=np.int32)
    np.testing.assert_array_equal(one.lookup(every), other.lookup(every))


def hand_method(sharing: str) -> tuple[Method, dict[str, np.ndarray]]:
    """Four items, three rows; the last weights are those of the items."""
    method = registry.load("hash_embedding")(6, 2, 3 if sharing == "mod" else 2, sharing)
    rows = [[1, 10], [2, 20], [3, 30]][: 3 if sharing == "mod" else 2]
    shared = np.array([[0, 0]] * (2 if sharing == "mod" else 1) + rows, np.float32)
    weights = np.array([[5, 5], [5, 5], [1, 2], [10, 0.5], [-1, 0], [0, 1]], np.float32)
    return method, {"shared": shared, "weights": weights}


def test_hash_embedding_hand_vector() -> None:
    """Rows 0 1 2 0 by remainder and 0 2 .. by the hash; rows 0 0 1 1 by block."""
    second = buckets_of(np.arange(1, 5), NO_BUCKETS) % 3
    assert second.tolist()[:2] == [0, 2]
    method, tables = hand_method("mod")
    found = reference_lookup(method, tables, np.arange(2, 6, dtype=np.int32)).tolist()
    assert found[:3] == [[1 + 2 * 1, 10 + 2 * 10], [10 * 2 + 0.5 * 3, 10 * 20 + 0.5 * 30], [-3, -30]]
    assert found[3] == [1 + second[3], 10 * (1 + second[3])]

    second = buckets_of(np.arange(1, 5), NO_BUCKETS) % 2
    assert second.tolist()[:2] == [0, 1]
    method, tables = hand_method("block")
    found = reference_lookup(method, tables, np.arange(2, 6, dtype=np.int32)).tolist()
    assert found[:3] == [[1 + 2 * 1, 10 + 2 * 10], [10 * 1 + 0.5 * 2, 10 * 10 + 0.5 * 20], [-2, -20]]
    assert found[3] == [1 + second[3], 10 * (1 + second[3])]


def test_weights_start_as_equal_shares() -> None:
    layer = CompressedEmbedding.of(registry.load("hash_embedding")(53, 8, 7, hashes=4))
    layer.build((None, None))
    assert np.unique(layer.table_values()["weights"]).tolist() == [0.5]


def test_hash_embedding_ceiling_is_named() -> None:
    hash_embedding = registry.load("hash_embedding")
    with pytest.raises(UsageError, match=r"ratio 32 is out of reach for hash_embedding .* at most 31\.69"):
        hash_embedding.for_ratio(10_000, 64, 32)
    with pytest.raises(UsageError, match="out of reach"):
        hash_embedding.for_ratio(10_000, 64, 16, hashes=4)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("double_hashing", (10, 8, 0), "rows is 0; allowed is 1 to 8"),
        ("double_hashing", (10, 8, 9), "rows is 9; allowed is 1 to 8"),
        ("double_hashing", (10, 8, 1, 8), "frequent is 8; allowed is 0 to 7"),
        ("double_hashing", (10, 8, 1, -1), "frequent is -1"),
        ("double_hashing", (LARGEST + 3, 8, 5), "vocabulary_size is 2147117571; allowed is at most 2147117570"),
        ("hash_embedding", (LARGEST + 3, 8, 5), "vocabulary_size is 2147117571"),
        ("hash_embedding", (10, 8, 2, "mod", 0), "hashes is 0"),
        ("hash_embedding", (10, 8, 0), "rows is 0"),
        ("hash_embedding", (10, 8, 2, "blok"), "did you mean 'block'"),
    ],
)
def test_senseless_fields_are_refused(name: str, arguments: tuple, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        registry.load(name)(*arguments)


@pytest.mark.parametrize("name", ["double_hashing", "hash_embedding"])
def test_ten_million_ids_are_looked_up_without_overflow(name: str) -> None:
    """Only the last ids, whose rows are compared with those that Python's integers give."""
    method = registry.load(name).for_ratio(10_000_002, 64, 16)
    table = method.tables()[0]
    asked: list[list[int]] = []

    def rows(name, index):
        if name == table.name:
            asked.append(index.tolist())
        return np.zeros((*index.shape, 2), np.float32)

    last = np.arange(9_999_990, 10_000_002, dtype=np.int32)
    method.lookup(last, rows, NumpyOps())
    shared = table.rows - 2
    expected = buckets_of(last - 1, NO_BUCKETS).astype(np.int64) % shared + 2
    assert asked == [((last.astype(np.int64) - 2) % shared + 2).tolist(), expected.tolist()]
