"""How much trouble training takes: the quickest way, or the best that is known, which needs a trained full table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.quantize.recipe import COMPARED_METHOD

if TYPE_CHECKING:
    from ondevice.embeddings.method import Method

DEFAULT, BEST = "default", "best"
QUALITIES = (DEFAULT, BEST)
"""`default`: every model is trained by itself. `best`: every other model starts from the full table of the same seed
and learns from its scores, too."""

DISTILLATION = 0.5
"""Share of the loss that comes from the full table's scores."""


def teaching(quality: str, teacher: Path, method: Method) -> dict[str, Any]:
    """Return what a model's training is told of its teacher.

    Args:
        quality: one of `QUALITIES`.
        teacher: run folder of the full table.
        method: the model's embedding method.
    """
    if quality == DEFAULT or type(method).__module__.rpartition(".")[2] == COMPARED_METHOD:
        return {}
    # Tables of another width can't be fitted to the full one's, but any model can learn from its scores.
    return {
        "teacher": str(teacher),
        "warm_start": method.output_width == method.width,
        "distillation": DISTILLATION,
    }
