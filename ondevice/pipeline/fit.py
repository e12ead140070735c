"""Train a compressed model on, from its data and from what it was before."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from ondevice.errors import UsageError

EPOCHS = 3


def fit(
    model: Any,
    data: Any,
    *,
    epochs: int = EPOCHS,
    teacher: Any = None,
    distillation: float = 0.0,
    quantize_aware: str = "",
    learning_rate: float | None = None,
    validation_data: Any = None,
    callbacks: Any = (),
    verbose: int | str = "auto",
) -> Any:
    """Train a model on by its own `fit`, its own loss and its own optimizer, such that nothing it has learned is lost.

    Args:
        model: a compiled Keras model; what was compressed is trained further, what was not keeps its quality.
        data: examples as for `model.fit`: a pair of inputs and targets, or whatever gives batches of these.
        epochs: passes over the data.
        teacher: the model before it was compressed, or path of its `.keras` file.
        distillation: share of the loss that is the distance to the teacher's answers, 0 to 1; 0.5 beside a teacher
            without it.
        quantize_aware: recipe whose rounding the look-ups know of; worth it for 4 bits and less.
        learning_rate: highest learning rate; 0.002 of the optimizer's highest without it.
        validation_data: examples whose loss says which epoch's weights are kept, those at the start among them.
        callbacks: further callbacks.
        verbose: as for `model.fit`.

    Returns:
        what `model.fit` returns.

    Raises:
        UsageError: the model is not compiled, or a value is out of range.
        OnDeviceError: the model's training step asks for no loss, so that no teacher can be heard.

    Example:
        >>> ondevice.fit(model, (x, y), epochs=2, teacher="before.keras", validation_data=(v, w))  # doctest: +SKIP
    """
    if not 0 <= distillation <= 1:
        raise UsageError(f"distillation is {distillation!r}; allowed is 0 to 1.")
    if distillation and teacher is None:
        raise UsageError(f"distillation is {distillation!r}; allowed is it only beside a teacher.")

    from ondevice.embeddings.layer import CompressedEmbedding
    from ondevice.pipeline.own_model import built
    from ondevice.training.distill import answers_apart, taught
    from ondevice.training.gentle import GentleStart
    from ondevice.training.quantize_aware import rounded_tables

    model = built(model)
    if not model.compiled:
        raise UsageError(f"model {model.name!r} is not compiled; allowed is one with an optimizer and a loss.")
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, CompressedEmbedding)]
    x, y = data if isinstance(data, tuple) else (data, None)
    with ExitStack() as stack:
        if teacher is not None:
            stack.enter_context(taught(model, built(teacher), distillation or 0.5, answers_apart))
        for layer in layers if quantize_aware else ():
            layer.rounded = rounded_tables(layer.method, quantize_aware)
            stack.callback(setattr, layer, "rounded", {})
        gentle = GentleStart(learning_rate, validation_data)
        return model.fit(x, y, epochs=epochs, verbose=verbose, callbacks=[gentle, *callbacks])
