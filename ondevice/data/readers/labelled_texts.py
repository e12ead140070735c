"""Lines of a label, a tab and a text in train, valid and test files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ondevice.data.keys import ALLOWED, is_key
from ondevice.data.lines import text_lines
from ondevice.data.reader import TextReader, split_files
from ondevice.data.texts import LabelledText, LabelledTexts, number_texts
from ondevice.errors import OnDeviceError
from ondevice.tokenizer import BLANKS, Tokenizer


class LabelledTextFiles(TextReader):
    """Reads a folder with `train.tsv`, `valid.tsv` and `test.tsv`, each perhaps with `.gz`.

    Each line is a label, a tab and a text, which may hold further tabs or be empty. Labels are the words found in
    `train.tsv`, in alphabetical order.
    """

    def read(self, name: str, path: Path | None) -> LabelledTexts:
        """Read the three files."""
        files = split_files(path, ".tsv")
        labels = _labels(files["train"])
        splits = {split: _read_split(file, labels) for split, file in files.items()}
        return number_texts(name, splits, labels, Tokenizer(), self.minimum_count, self.most_words)


def _labels(path: Path) -> tuple[str, ...]:
    """Return the labels of the training texts in alphabetical order."""
    counts: Counter[str] = Counter()
    first = ("", "")
    for label, text in _read_split(path, None):
        first = first if counts else (label, text)
        counts[label] += 1
    if not counts:
        raise OnDeviceError(f"{path} holds no text.")
    label, text = first
    # Two words of which nothing else is known, over lines with labels that are known.
    if counts[label] == 1 and len(counts) > 2 and len(text.split()) == 1:
        raise OnDeviceError(
            f"{path}: the first line's label, {label[:40]!r}, occurs nowhere else and its text is one word, so they "
            f"name columns; allowed are lines of data alone."
        )
    if len(counts) == counts.total() > 2:
        raise OnDeviceError(
            f"{path}: none of the {len(counts):,} labels occurs twice; allowed are labels that do, in the first column."
        )
    return tuple(sorted(counts))


def _read_split(path: Path, labels: tuple[str, ...] | None) -> Iterator[LabelledText]:
    """Give labels and texts; any label is right if none are known."""
    for number, line in text_lines(path):
        label, tab, text = line.partition("\t")
        label = label.strip(BLANKS)
        if not tab or not label:
            raise OnDeviceError(f"{path}, line {number}: {line.strip()[:40]!r} is not a label, a tab and a text.")
        if not is_key(label):
            raise OnDeviceError(f"{path}, line {number}: label {label[:40]!r} is not allowed; {ALLOWED}.")
        if labels is not None and label not in labels:
            raise OnDeviceError(
                f"{path}, line {number}: label {label[:40]!r} does not occur in training, whose labels are "
                f"{', '.join(labels)[:80]}."
            )
        yield label, text
