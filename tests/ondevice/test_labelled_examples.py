"""Training examples of texts: each text once per epoch, the same ones for the same seed and epoch."""

from __future__ import annotations

import numpy as np

from ondevice.data.labelled import NO_KEY, LabelledSplit
from ondevice.data.lists import Lists
from ondevice.ids import PADDING_ID, UNKNOWN_ID
from ondevice.training.examples import LabelledExamples
from ondevice.training.labelled_task import last_keys
from ondevice.training.loss import softmax_over_labels

WORDS = np.arange(2, 2 + 10 * 6, dtype=np.int32).reshape(10, 6)
WORDS[:, 4:] = PADDING_ID
LABELS = np.arange(10, dtype=np.int32)


def epoch_of(examples: LabelledExamples, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    examples.epoch = epoch
    words, labels = zip(*(examples[batch] for batch in range(len(examples))), strict=True)
    return np.concatenate(words), np.concatenate(labels)


def test_every_text_is_shown_with_its_label_and_every_batch_is_full() -> None:
    examples = LabelledExamples(WORDS, LABELS, 4, 0.0, 7)
    words, labels = epoch_of(examples, 0)
    assert [len(examples[batch][1]) for batch in range(len(examples))] == [4, 4, 4]
    assert sorted(labels[:10]) == list(range(10))
    np.testing.assert_array_equal(words, WORDS[labels])


def test_epochs_differ_and_come_again() -> None:
    one, other = LabelledExamples(WORDS, LABELS, 4, 0.3, 7), LabelledExamples(WORDS, LABELS, 4, 0.3, 7)
    # In another order, as a run that goes on after an interruption.
    later, first = epoch_of(one, 1), epoch_of(one, 0)
    np.testing.assert_array_equal(epoch_of(other, 0)[0], first[0])
    np.testing.assert_array_equal(epoch_of(other, 1)[0], later[0])
    assert (first[1] != later[1]).any()


def test_words_and_never_padding_become_unknown() -> None:
    words, labels = epoch_of(LabelledExamples(np.tile(WORDS, (50, 1)), np.tile(LABELS, 50), 100, 0.5, 7), 0)
    given = WORDS[labels]
    replaced = words != given
    assert (words[replaced] == UNKNOWN_ID).all()
    assert not replaced[given == PADDING_ID].any()
    assert 0.45 < replaced[given != PADDING_ID].mean() < 0.55


def test_last_keys_are_kept_and_words_without_a_key_are_unknown() -> None:
    split = LabelledSplit(Lists.of([[0, NO_KEY, 1], [], [2, 2, 1, 0]]), np.zeros(3, np.int32))
    ids = np.array([4, 2, 3], np.int32)
    np.testing.assert_array_equal(last_keys(split, ids, 3), [[4, UNKNOWN_ID, 2], [0, 0, 0], [3, 2, 4]])


def test_loss_worked_by_hand() -> None:
    scores = np.array([[0.0, np.log(3.0)], [2.0, 2.0]], np.float32)
    for labels in (np.array([1, 0], np.int32), np.array([[1], [0]], np.int32)):
        np.testing.assert_allclose(softmax_over_labels(labels, scores), [-np.log(3 / 4), np.log(2)], rtol=1e-6)
