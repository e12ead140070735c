"""Lines of a label, a tab and a text in train, valid and test files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ondevice.data.reader import TextReader, split_files, text_lines
from ondevice.data.texts import LabelledText, LabelledTexts, number_texts
from ondevice.errors import OnDeviceError
from ondevice.tokenizer import Tokenizer


class LabelledTextFiles(TextReader):
    """Reads a folder with `train.tsv`, `valid.tsv` and `test.tsv`, each perhaps with `.gz`.

    Each line is a label, a tab and a text, which may hold further tabs or be empty. Labels are the words found in
    `train.tsv`, in alphabetical order.
    """

    def read(self, name: str, path: Path | None) -> LabelledTexts:
        """Read the three files."""
        files = split_files(path, ".tsv")
        labels = tuple(sorted({label for label, _ in _read_split(files["train"], ())}))
        if not labels:
            raise OnDeviceError(f"{files['train']} holds no text.")
        splits = {split: _read_split(file, labels) for split, file in files.items()}
        return number_texts(name, splits, labels, Tokenizer(), self.minimum_count, self.most_words)


def _read_split(path: Path, labels: tuple[str, ...]) -> Iterator[LabelledText]:
    """Give labels and texts; any label is right if none are known."""
    for number, line in text_lines(path):
        label, tab, text = line.partition("\t")
        label = label.strip()
        if not tab or not label:
            raise OnDeviceError(f"{path}, line {number}: {line.strip()[:40]!r} is not a label, a tab and a text.")
        if not label.isprintable():
            raise OnDeviceError(f"{path}, line {number}: label {label[:40]!r} holds characters that can't be printed.")
        if labels and label not in labels:
            raise OnDeviceError(
                f"{path}, line {number}: label {label[:40]!r} does not occur in training, whose labels are "
                f"{', '.join(labels)[:80]}."
            )
        yield label, text
