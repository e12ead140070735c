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
"""`default`: every model is trained by itself. `best`: a model as wide as the full table starts from that of its seed.

With MEmCom in semantic order that was worth 0.4 % of nDCG@20 at 16x and at 40x on gowalla and 1.2 % at 16x on
lastfm (three seeds each). It is the only way to be taught that lost on neither: distillation and the order of the
teacher's vectors add 1.3 % on lastfm, where the full table is the better model, and take 2.3 % away on gowalla,
where it is not (one seed; `tests/benchmarks/teaching.py`)."""


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
