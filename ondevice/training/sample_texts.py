"""Texts with the ids that they become, for whoever cuts texts with a program of another language."""

from __future__ import annotations

import numpy as np

from ondevice.bundle import TestText
from ondevice.data.vocabulary import Vocabulary, text_ids
from ondevice.ids import RESERVED_IDS
from ondevice.training.run_folder import Run

TEXTS = 8
WORDS = 64
SEPARATORS = (" ", ", ", ".<br /><br />", "\t", " - ", "\n", "/", "_", "\x7f", "\r\n", '"')
"""What separates words, some of it more than once."""

EDGES = (
    "",
    " \t\r\n .,;:!?",
    "<br />",
    "It's 10/10 -- a re-watchable CLASSIC, isn't it?",
    "don''t 'quote' rock'n'roll",
    "na\u00efve caf\u00e9 \u00c9COLE \u0130stanbul \u00df \u01c5",
    "wide\u00a0space zero\u200bwidth \u201cquoted\u201d dash\u2014dash line\u2028end",
    "smile\U0001f600smile \U0001f44d\U0001f3fd \u4f60\u597d\uff0c\u4e16\u754c",
    "a\u0301 \uff21\uff22 \u212a\u017f",
)
"""What programs may see differently: nothing, markup, apostrophes, letters beyond ASCII, capitals that aren't A to Z,
spaces and line ends beyond ASCII, characters of two UTF-16 units."""


def make_texts(run: Run, vocabulary: Vocabulary, feature: str) -> tuple[TestText, ...]:
    """Make texts from words or values of the whole vocabulary and from what programs may see differently.

    They are made and not taken from the data, since a bundle should not carry what others have written.

    Args:
        run: the run; of a task without a tokenizer there are none.
        vocabulary: the run's.
        feature: name of the input.
    """
    tokenizer, length = run.result.tokenizer, run.config.history_length
    if tokenizer is None:
        return ()
    given = _lines(vocabulary, tokenizer.fields) if tokenizer.fields else _texts(vocabulary, length)
    ids = text_ids(vocabulary.keys, given, tokenizer, length)
    return tuple(TestText(feature, text, tuple(row.tolist())) for text, row in zip(given, ids, strict=True))


def _texts(vocabulary: Vocabulary, length: int) -> tuple[str, ...]:
    places = np.linspace(RESERVED_IDS, len(vocabulary) - 1, min(TEXTS * WORDS, len(vocabulary) - RESERVED_IDS))
    words = [vocabulary.keys[place] for place in places.astype(int)]
    texts = [_joined(words[number::TEXTS], number) for number in range(TEXTS)]
    # Longer than what is kept, so that it shows which end is.
    long = " ".join(words[number % len(words)] for number in range(length + 3))
    return (*texts, *EDGES, " ".join(words[:3]).upper(), long)


def _lines(vocabulary: Vocabulary, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return texts that name a value of each field, and what programs may see differently of these."""
    of_field = {field: [key for key in vocabulary.keys if key.startswith(f"{field}=")] for field in fields}
    # Where all values of a field are too rare for an id, the texts have an empty one.
    known = {field: keys or [f"{field}="] for field, keys in of_field.items()}
    texts = [[keys[number * (len(keys) - 1) // (TEXTS - 1)] for keys in known.values()] for number in range(TEXTS)]
    first, last = texts[0], texts[-1]
    edges: tuple[list[str], ...] = (
        [],
        [f"{field}=" for field in fields],
        [f"{field}=never seen before" for field in fields],
        first[::-1],
        first[:1],
        # Of two values the last one counts, and neither other fields nor lines without one do.
        [*last, *first, "", *fields, "another field=1", "=", f"{first[0][0]}"],
        [f" \t{key} \t\r" for key in last],
        [f"{key}=more" for key in first],
        [key.upper() for key in first],
        [f"{key}\u2028\u00e9\U0001f600" for key in first],
    )
    return tuple("\n".join(lines) for lines in (*texts, *edges))


def _joined(words: list[str], first: int) -> str:
    """Join words by all separators in turn."""
    return "".join(f"{word}{SEPARATORS[(first + number) % len(SEPARATORS)]}" for number, word in enumerate(words))
