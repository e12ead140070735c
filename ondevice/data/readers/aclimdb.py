"""Film reviews as the archive of Maas et al. (ACL 2011) holds them: one file per text, the folder is the label."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from ondevice.data.lines import LONGEST_LINE
from ondevice.data.reader import TextReader, only_file
from ondevice.data.texts import LabelledText, LabelledTexts, number_texts
from ondevice.errors import OnDeviceError
from ondevice.tokenizer import Tokenizer

LABELS = ("neg", "pos")
MEMBER = re.compile(r"(?:.*/)?(?P<part>train|test)/(?P<label>neg|pos)/(?P<number>[0-9]{1,9})_[0-9]{1,2}\.txt")
VALIDATION_SHARE = 0.1
"""Share of the training texts of each label, those with the highest numbers, that become the validation split.

Neighbouring numbers are often of one film; a random share would ask for films that training has seen, which the test
split does not.
"""


class AclImdb(TextReader):
    """Reads a `.tar.gz` file with `train/neg/0_3.txt` and so on, or the only one in a folder.

    Texts without a label (`unsup`) and the lists of addresses are left out. Texts hold `<br />`.
    """

    def read(self, name: str, path: Path | None) -> LabelledTexts:
        """Read the archive and split the training texts."""
        path = only_file(path, ("*.tar.gz",), ".tar.gz archive", "reviews")
        found: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for part, label, number, text in _members(path):
            found.setdefault((part, label), []).append((number, text))
        missing = [f"{part}/{label}" for part in ("train", "test") for label in LABELS if (part, label) not in found]
        if missing:
            raise OnDeviceError(f"{path} holds no text in {', '.join(missing)}; a name is e.g. train/neg/0_3.txt.")
        splits: dict[str, list[LabelledText]] = {"train": [], "valid": [], "test": []}
        for (part, label), texts in sorted(found.items()):
            ordered = [(label, text) for _, text in sorted(texts)]
            kept = len(ordered) - int(VALIDATION_SHARE * len(ordered)) if part == "train" else 0
            splits["train"] += ordered[:kept]
            splits["valid" if part == "train" else "test"] += ordered[kept:]
        return number_texts(name, splits, LABELS, Tokenizer(), self.minimum_count, self.most_words)


def _members(path: Path) -> Iterator[tuple[str, str, int, str]]:
    try:
        with gzip.open(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r:") as archive:
            for member in archive:
                named = MEMBER.fullmatch(member.name)
                content = archive.extractfile(member) if named and member.isfile() else None
                if named is None or content is None:
                    continue
                if member.size > LONGEST_LINE:
                    raise OnDeviceError(
                        f"{path}, {member.name} is too long; allowed are {LONGEST_LINE:,} bytes at most."
                    )
                try:
                    text = content.read().decode("utf-8")
                except UnicodeDecodeError as error:
                    raise OnDeviceError(f"{path}, {member.name} is not a text file: {error}.") from error
                yield named["part"], named["label"], int(named["number"]), text
            # An archive ends before its file does, whose checksum comes last.
            while unpacked.read(1 << 20):
                pass
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise OnDeviceError(f"{path} is not a whole .tar.gz archive: {error}.") from error
