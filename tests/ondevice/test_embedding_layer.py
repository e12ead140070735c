"""The layer that stands where `keras.layers.Embedding` does: by name and ratio, saved, read again, and refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from ondevice import CompressedEmbedding
from ondevice.embeddings.method import FULL, registry
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS

SIZE, WIDTH = 1_000, 16
IDS = np.arange(SIZE, dtype=np.int32)[None]


@pytest.mark.parametrize("name", registry.names())
def test_every_method_is_made_by_its_name(name: str) -> None:
    keras.utils.set_random_seed(0)
    layer = CompressedEmbedding(SIZE, WIDTH, method=name, ratio=1 if name == FULL else 4)
    vectors = np.asarray(layer(IDS))
    assert vectors.shape == (1, SIZE, layer.method.output_width)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert layer.method.ratio >= (1 if name == FULL else 4) * 0.99
    assert layer.compute_output_shape((None, 7)) == (None, 7, layer.method.output_width)


@pytest.mark.parametrize("name", [name for name in registry.names() if name != FULL])
def test_a_ratio_out_of_reach_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(UsageError) as refused:
        CompressedEmbedding(SIZE, WIDTH, method=name, ratio=1e6)
    said = str(refused.value)
    assert said.startswith(f"ratio 1e+06 is out of reach for {name}")
    assert "\n" not in said
    assert said.endswith(".")


def test_without_a_ratio_it_is_16_or_that_of_the_full_table() -> None:
    assert CompressedEmbedding(20_000, 64).method.ratio == pytest.approx(16, rel=0.01)
    assert CompressedEmbedding(20_000, 64, method=FULL).method.ratio == 1


@pytest.mark.parametrize("name", registry.names())
def test_the_same_layer_is_made_of_its_config(name: str) -> None:
    layer = CompressedEmbedding(SIZE, WIDTH, method=name, ratio=1 if name == FULL else 4, mask_zero=True, name="item")
    again = CompressedEmbedding.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.method == layer.method
    assert (again.name, again.mask_zero, again.reserved_ids) == ("item", True, 1)


def test_options_reach_the_method() -> None:
    layer = CompressedEmbedding(SIZE, WIDTH, ratio=4, options={"sharing": "block", "bias": True})
    assert (layer.method.parameters()["sharing"], layer.method.parameters()["bias"]) == ("block", True)


@pytest.mark.parametrize(
    ("reserved", "alone"), [(None, []), (0, []), (1, [0]), (2, [0, 1])], ids=["none said", "none", "one", "two"]
)
def test_only_reserved_ids_have_rows_of_their_own(reserved: int | None, alone: list[int]) -> None:
    """In the method that does nothing but share rows each other vector occurs several times."""
    keras.utils.set_random_seed(0)
    layer = CompressedEmbedding(SIZE, WIDTH, method="hashing", ratio=8, reserved_ids=reserved)
    vectors = np.asarray(layer(IDS))[0]
    found = [place for place in range(SIZE) if (vectors == vectors[place]).all(axis=1).sum() == 1]
    assert found == alone


@pytest.mark.parametrize("mask_zero", [False, True])
def test_mask_is_of_id_0_and_only_where_asked_for(mask_zero: bool) -> None:
    layer = CompressedEmbedding(SIZE, WIDTH, ratio=4, mask_zero=mask_zero)
    assert layer.reserved_ids == int(mask_zero)
    mask = layer.compute_mask(np.array([[0, 1, 5]]))
    assert mask is None if not mask_zero else np.asarray(mask).tolist() == [[False, True, True]]


def test_every_id_up_to_the_last_one_is_looked_up_and_embeddings_are_these() -> None:
    layer = CompressedEmbedding(SIZE, WIDTH, ratio=4)
    assert np.asarray(layer(IDS))[0].tolist() == np.asarray(layer.embeddings).tolist()
    assert layer.method.vocabulary_size == SIZE + RESERVED_IDS


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"method": "memcmo"}, "unknown method 'memcmo', did you mean 'memcom'"),
        ({"ratio": 0.5}, "ratio is 0.5"),
        ({"method": FULL, "ratio": 2.0}, "ratio of full is 2.0"),
        ({"options": {"bais": True}}, "option 'bais' is not known to method memcom; it has bias, multipliers, sharing"),
        ({"options": {"vocabulary_size": 5}}, "option 'vocabulary_size' is not known to method memcom"),
        ({"options": {"bias": "yes"}}, "option bias is 'yes'; allowed is true or false"),
        ({"method": FULL, "options": {"bias": True}}, "option 'bias' is not known to method full; it has none"),
        ({"reserved_ids": 3}, "reserved_ids is 3; allowed is 0 to 2"),
        ({"reserved_ids": -1}, "reserved_ids is -1"),
        ({"method": registry.load("memcom")(SIZE, WIDTH, 5)}, "method is one of 1000 ids of width 16; allowed is one"),
        (
            {"method": registry.load("memcom")(SIZE + RESERVED_IDS, WIDTH, 5), "ratio": 4.0},
            "without ratio and options",
        ),
        (
            {"method": registry.load("memcom")(SIZE + RESERVED_IDS, WIDTH, 5), "options": {"bias": True}},
            "without ratio and options",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(fields: dict, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        CompressedEmbedding(SIZE, WIDTH, **fields)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


READ = """
import ondevice, sys
import keras, numpy
assert "ondevice.embeddings.layer" in sys.modules
numpy.save(sys.argv[2], keras.saving.load_model(sys.argv[1])(numpy.arange(6)[None]))
"""


@pytest.mark.parametrize("first", ["import ondevice, sys\nimport keras", "import keras, sys\nimport ondevice"])
def test_a_saved_model_is_read_after_nothing_but_the_import(first: str, tmp_path: Path) -> None:
    layers = [CompressedEmbedding(SIZE, WIDTH, ratio=4, mask_zero=True), keras.layers.GlobalAveragePooling1D()]
    model = keras.Sequential(layers)
    expected = np.asarray(model(np.arange(6)[None]))
    model.save(tmp_path / "model.keras")
    code = READ.replace("import ondevice, sys\nimport keras", first)
    command = [sys.executable, "-c", code, str(tmp_path / "model.keras"), str(tmp_path / "found.npy")]
    root = str(Path(__file__).parent.parent.parent)
    subprocess.run(command, env={**os.environ, "PYTHONPATH": root}, check=True, timeout=120, capture_output=True)
    assert np.load(tmp_path / "found.npy").tolist() == expected.tolist()
