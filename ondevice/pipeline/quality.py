"""How much trouble training takes: the quickest way, or the best that was measured, which needs a full table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice.embeddings.method import FULL
from ondevice.registry import member_name

if TYPE_CHECKING:
    from ondevice.embeddings.method import Method

DEFAULT, BEST = "default", "best"
QUALITIES = (DEFAULT, BEST)
"""`default`: every model is trained by itself. `best`: a model as wide as the full table starts from that of its seed,
which on gowalla (MEmCom, semantic order, three seeds) was worth 0.4 % of nDCG@20 at 16x and 0.3 % at 40x."""


def teaching(quality: str, teacher: Path, method: Method) -> dict[str, Any]:
    """Return what a model's training is told of its teacher.

    Args:
        quality: one of `QUALITIES`.
        teacher: run folder of the full table.
        method: the model's embedding method.
    """
    is_teacher = member_name(type(method)) == FULL
    # Tables of another width can't be fitted to the full one's.
    if quality == DEFAULT or is_teacher or method.output_width != method.width:
        return {}
    return {"teacher": str(teacher), "warm_start": True}
