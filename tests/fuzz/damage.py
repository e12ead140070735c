"""Damage to files: what a family of cases does to a good file, and what every reader must make of the result."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ondevice.errors import OnDeviceError

Case = TypeVar("Case")

LIMIT_S = 10.0
CASES = 150
"""Cases of a family in the test suite."""

DEEP = "\ue000deep"
"""Stands in a value for lists within lists, which `json` itself can't write."""
DEEP_TEXTS = ("[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000, "[" * 900 + "]" * 900)

LITERAL = "\ue000literal"
"""Stands in a value for numbers that `json` itself can't write."""
LITERALS = ("1e999", "-1e999", "NaN", "-Infinity", "1" * 400, "9" * 5_000, "1e308", "-0.0", "0.5", "1E400000000")

OTHERS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**18, 0.5, "", "a", "\ud800", "\x00", "../../x", "é" * 300,
    [], [[]], [0], [None], {}, {"": 0}, {"name": {}}, [1] * 50, DEEP, LITERAL,
)  # fmt: skip


def damaged_json(value: Any, random: random.Random) -> bytes:
    """Return the JSON of a value of which one to three places, however deep, are gone, another's, or something else."""
    value = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if not (places := list(_places(value))):
            break
        holder, key = random.choice(places)
        how = random.random()
        if how < 0.2:
            del holder[key]
        elif how < 0.3:
            holder[key] = copy.deepcopy(_at(random.choice(places)))
        elif how < 0.4 and isinstance(holder, dict):
            holder[random.choice(("unknown", "\ud800", "", str(key) + " "))] = holder.pop(key)
        elif how < 0.5 and isinstance(holder[key], list):
            holder[key] = holder[key][: random.randrange(len(holder[key]) + 1)] + holder[key][:1]
        elif how < 0.6 and isinstance(holder[key], (int, float)):
            holder[key] = holder[key] * random.choice((-1, 2, 10**9, 10**30)) + random.choice((-1, 0, 1))
        else:
            holder[key] = copy.deepcopy(random.choice(OTHERS))
    text = json.dumps(value)
    for mark, texts in ((DEEP, DEEP_TEXTS), (LITERAL, LITERALS)):
        text = text.replace(json.dumps(mark), random.choice(texts))
    return damaged_bytes(text.encode(), random) if random.random() < 0.2 else text.encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def _at(place: tuple[Any, Any]) -> Any:
    return place[0][place[1]]


def damaged_bytes(content: bytes, random: random.Random) -> bytes:
    """Return a file that is cut off, has other bits, bytes that are gone, double or swapped, or is something else."""
    at = random.randrange(len(content) + 1)
    end = min(len(content), at + random.choice((1, 2, 8, 64)))
    how = random.randrange(8)
    if how == 0:
        return content[:at]
    if how == 1:
        flipped = bytearray(content)
        for _ in range(random.choice((1, 2, 20))):
            flipped[random.randrange(len(content))] ^= 1 << random.randrange(8)
        return bytes(flipped)
    if how == 2:
        return content[:at] + content[end:]
    if how == 3:
        return content[:end] + content[at:]
    if how == 4:
        return content[:at] + random.choice((b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\r", b"\n", b'"', b",", b"\t"))
    if how == 5:
        return content[:at] + random.choice((b"9" * 5_000, b"-1", b"1e999", b"\xc2\x85", b"\x1f\x8b")) + content[at:]
    if how == 6:
        return random.choice(
            (b"", b"\n", b"\x00" * 64, b"\xef\xbb\xbf" + content, content.decode("latin-1").encode("utf-16"))
        )
    return content[at:] + content[:at]


def require_told(run: Callable[[Case], None], case: Case) -> None:
    """Check that a case is read, or refused with one sentence that can be printed, in a short time."""
    started = time.perf_counter()
    try:
        run(case)
    except OnDeviceError as error:
        sentence = str(error)
        sentence.encode("utf-8")
        assert len(sentence) < 2_000, f"a sentence of {len(sentence)} characters: {sentence[:200]!r}"
    assert time.perf_counter() - started < LIMIT_S
