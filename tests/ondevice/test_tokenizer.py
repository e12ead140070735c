"""Words are cut the same way whatever the language of the program: by code points, which are all named here."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondevice.errors import UsageError
from ondevice.tokenizer import FIELDS, Tokenizer

WORDS = Tokenizer()
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))


def belongs(character: str) -> bool:
    """Tell whether a character is part of a word, written without the expression under test."""
    ascii_word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'"
    return character in ascii_word or ord(character) >= 0x80


def by_units(text: str) -> list[str]:
    """Cut a text as a language with UTF-16 strings would: unit by unit."""
    data = text.encode("utf-16-le")
    words, word = [], b""
    for start in range(0, len(data), 2):
        unit = int.from_bytes(data[start : start + 2], "little")
        if unit >= 0x80 or belongs(chr(unit)):
            word += (unit + 32 if 65 <= unit <= 90 else unit).to_bytes(2, "little")
        elif word:
            words, word = [*words, word.decode("utf-16-le")], b""
    return [*words, word.decode("utf-16-le")] if word else words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("A film,<br /><br />it's GREAT!", ["a", "film", "br", "br", "it's", "great"]),
        ("10/10 -- re-watched", ["10", "10", "re", "watched"]),
        ("İstanbul ÉCOLE", ["İstanbul", "École"]),
        ("snake_case tab\tline\nend", ["snake", "case", "tab", "line", "end"]),
        ("wide\u00a0space \u2019quote 😀smile", ["wide\u00a0space", "\u2019quote", "😀smile"]),
        ("del\x7fete\x00zero", ["del", "ete", "zero"]),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert WORDS.words(text) == words


@given(TEXTS)
def test_utf16_units_give_the_same_words_as_code_points(text: str) -> None:
    assert WORDS.words(text) == by_units(text)


@given(TEXTS)
def test_words_are_all_that_belongs_to_words_and_maximal(text: str) -> None:
    kept = "".join(character if belongs(character) else " " for character in text)
    assert Tokenizer(lowercase=False).words(text) == [word for word in kept.split(" ") if word]


@given(TEXTS)
def test_only_ascii_letters_change_case_and_cutting_again_changes_nothing(text: str) -> None:
    words = WORDS.words(text)
    assert all(
        len(word) == len(given) for word, given in zip(words, Tokenizer(lowercase=False).words(text), strict=True)
    )
    assert not any("A" <= character <= "Z" for word in words for character in word)
    assert WORDS.words(" ".join(words)) == words


def test_an_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown tokenizer 'word', did you mean 'words'"):
        Tokenizer("word")


LINES = Tokenizer(FIELDS, lowercase=False, fields=("user", "ad", "a"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["user=", "ad=", "a="]),
        ("user=1\nad=x y\na=z", ["user=1", "ad=x y", "a=z"]),
        # The order is that of the fields, and the last one counts.
        ("a=z\nad=1\nuser=1\nad=2", ["user=1", "ad=2", "a=z"]),
        ("user=1\nad=2\nad=", ["user=1", "ad=", "a="]),
        (" \tuser=1 \r\n\t a=z\t", ["user=1", "ad=", "a=z"]),
        ("user\nuser = 1\nUSER=1\nuse=1\nusers=1\n=1", ["user=", "ad=", "a="]),
        ("user==\na=b=c", ["user==", "ad=", "a=b=c"]),
        # Only these blanks and this end of a line: other ones belong to a value.
        ("user=1\x0bad=2\na=\u2028\u00a0", ["user=1\x0bad=2", "ad=", "a=\u2028\u00a0"]),
    ],
)
def test_a_line_for_each_field(text: str, words: list[str]) -> None:
    assert LINES.words(text) == words


@given(TEXTS)
def test_there_is_one_word_of_each_field_and_cutting_again_changes_nothing(text: str) -> None:
    words = LINES.words(text)
    assert [word.partition("=")[0] for word in words] == list(LINES.fields)
    assert LINES.words("\n".join(words)) == words


NAMELESS = ("", "a=b", " b", "b\t", "b\nc", "b\u2028c", "b\r")


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"name": "words", "fields": ("a",)}, r"fields is \['a'\]; allowed are none for the tokenizer 'words'"),
        ({"name": "fields", "fields": ("a",)}, "lowercase is True; allowed is False for the tokenizer 'fields'"),
        ({"name": "fields", "lowercase": False}, r"fields is \[\]; allowed is one or more, each once"),
        ({"name": "fields", "lowercase": False, "fields": ("a", "b", "a")}, "allowed is one or more, each once"),
        *(
            (
                {"name": "fields", "lowercase": False, "fields": ("a", name)},
                "is not allowed; a field's name is one line",
            )
            for name in NAMELESS
        ),
    ],
)
def test_fields_that_no_line_can_name_are_refused(record: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Tokenizer(**record)
