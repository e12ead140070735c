"""Training a model on without harm: a gentle start, a teacher, and what would do neither."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import ondevice
from ondevice.errors import OnDeviceError
from tests.two_tables import data_of, model_of


def test_fitting_gently_begins_still_falls_and_gives_the_rate_back() -> None:
    model, (x, y) = model_of(), data_of()
    rates: list[float] = []
    callback = ondevice.GentleStart(rate=0.005, validation_data=(x, y))
    noted = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: rates.append(float(model.optimizer._learning_rate))
    )
    start = model.evaluate(x, y, verbose=0)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[callback, noted])
    assert rates[:3] == [0.0] * 3
    assert max(rates) == pytest.approx(0.005, rel=0.05)
    assert rates[-1] < 0.0001
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert callback.losses[0] == pytest.approx(start, rel=1e-4)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(min(callback.losses), rel=1e-4)


def test_a_rate_that_does_harm_leaves_the_weights_of_the_start() -> None:
    model, (x, y) = model_of(), data_of()
    model.fit(x, y, epochs=60, verbose=0)
    before = model.evaluate(x, y, verbose=0)
    callback = ondevice.GentleStart(rate=30.0, validation_data=(x, y))
    model.fit(x, 1 - y, epochs=1, verbose=0, callbacks=[callback])
    assert model.evaluate(x, y, verbose=0) == pytest.approx(before, rel=1e-4)


def test_a_teacher_draws_answers_towards_its_own() -> None:
    teacher, model, (x, y) = model_of(), model_of(), data_of()
    ondevice.compress(model, 4, method="hashing", data=(x, y), skip_below=2_000, verbose=False)
    table, rng = model.get_layer("item_table"), np.random.default_rng(2)
    spoilt = {name: each + rng.standard_normal(each.shape, np.float32) for name, each in table.table_values().items()}
    table.write_tables(spoilt)
    wanted = teacher.predict(x, verbose=0)
    before = float(np.mean((model.predict(x, verbose=0) - wanted) ** 2))
    ondevice.fit(model, (x, y), epochs=40, teacher=teacher, distillation=1.0, learning_rate=0.03, verbose=0)
    assert float(np.mean((model.predict(x, verbose=0) - wanted) ** 2)) < 0.5 * before
    assert "compute_loss" not in vars(model)
    ondevice.fit(model, (x, y), epochs=1, quantize_aware="int4", verbose=0)
    assert all(not each.rounded for each in model._flatten_layers() if isinstance(each, ondevice.CompressedEmbedding))


class Deaf(keras.Model):
    """Its training step asks for no loss."""

    def train_step(self, data: Any) -> dict[str, Any]:
        return {"loss": keras.ops.sum(self(data[0], training=True)) * 0.0}


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (lambda: model_of(), {"distillation": 0.5}, r"^distillation is 0\.5; allowed is it only beside a teacher\.$"),
        (lambda: model_of(), {"distillation": 2}, r"^distillation is 2; allowed is 0 to 1\.$"),
        (
            lambda: keras.Model(*_ends(model_of())),
            {},
            r"is not compiled; allowed is one with an optimizer and a loss\.$",
        ),
        (
            lambda: _deaf(),
            {"teacher": model_of()},
            r"was trained without asking compute_loss, so that no teacher was heard;",
        ),
    ],
)
def test_a_fit_that_would_not_do_what_was_asked_is_refused(make: Any, arguments: dict[str, Any], message: str) -> None:
    x, y = data_of()
    with pytest.raises(OnDeviceError, match=message):
        ondevice.fit(make(), (x, y), epochs=1, verbose=0, **arguments)


def _ends(model: keras.Model) -> tuple[Any, Any]:
    return model.input, model.output


def _deaf() -> keras.Model:
    model = Deaf(*_ends(model_of()))
    model.compile("adam", "binary_crossentropy")
    return model
