"""Bundles whose files were damaged or do not belong together."""

from __future__ import annotations

import numpy as np

from ondevice.bundle import VOCABULARY_FILE, open_bundle
from ondevice.ids import RESERVED_IDS
from tests.known_bad.members import Copy, everywhere, known_bad

CHANGED = "was changed since export: its SHA-256 is not the manifest's"


def truncate(bundle: Copy) -> None:
    """Keep the first half of the file."""
    content = bundle.model.read_bytes()
    bundle.model.write_bytes(content[: len(content) // 2])


def shuffle(bundle: Copy) -> None:
    """Give the items' keys to other ids."""
    path = bundle.folder / VOCABULARY_FILE
    lines = path.read_text().splitlines()
    shuffled = np.random.default_rng(0).permutation(lines[RESERVED_IDS:])
    path.write_text("".join(f"{key}\n" for key in [*lines[:RESERVED_IDS], *shuffled]))


@known_bad("memcom, int8", {}, refused=CHANGED)
def truncated_after_export(bundle: Copy) -> None:
    """Half of the file arrived."""
    truncate(bundle)


@known_bad("memcom, int8", {}, refused=CHANGED)
def one_bit_flipped_after_export(bundle: Copy) -> None:
    """A bit in the middle of the file: every runtime would load it."""
    content = bytearray(bundle.model.read_bytes())
    content[len(content) // 2] ^= 1
    bundle.model.write_bytes(bytes(content))


@known_bad("memcom, int8", {}, refused=CHANGED)
def vocabulary_shuffled_after_export(bundle: Copy) -> None:
    """Right answers under wrong names."""
    shuffle(bundle)


@known_bad("memcom, int8", everywhere("runtime, look-ups"))
def truncated_before_its_digest_was_taken(bundle: Copy) -> None:
    """The digests hold; no runtime loads the file, and there is no look-up to be found in it."""
    truncate(bundle)


@known_bad("memcom, int8", everywhere("vocabulary"))
def vocabulary_shuffled_before_its_digest_was_taken(bundle: Copy) -> None:
    """The vocabulary of another id order: every answer is right and every name is wrong."""
    shuffle(bundle)


@known_bad("memcom, int8", everywhere("vocabulary"), with_run=True)
def one_name_that_no_test_vector_holds_is_another(bundle: Copy) -> None:
    """Only the comparison with the run's own vocabulary sees it."""
    opened = open_bundle(bundle.folder)
    named = {key for vector in opened.vectors.vectors for key in vector.keys}
    path = bundle.folder / VOCABULARY_FILE
    unnamed = next(key for key in path.read_text().splitlines()[RESERVED_IDS:] if key not in named)
    path.write_text(path.read_text().replace(f"\n{unnamed}\n", "\nrenamed\n"))
