"""The modules of the page, one by one, beside the Python whose rules they repeat."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("playwright", reason="playwright, which drives the browser, is not installed")

from playwright.sync_api import BrowserContext, Page

from ondevice import bundle as bundles
from ondevice import manifest as manifests
from ondevice import records
from ondevice.data.vocabulary import Vocabulary, text_ids
from ondevice.feature import Feature
from ondevice.head import Head
from ondevice.tokenizer import FIELDS, Tokenizer
from ondevice.validation.contract import answer_problem, score_error
from tests.ondevice.web.text_bundles import KEYS, LENGTH, encode


@pytest.fixture(scope="module")
def modules(opened: BrowserContext, site: str) -> Iterator[Page]:
    """A page on which modules can be imported one by one."""
    page = opened.new_page()
    page.goto(f"{site}icon.svg")
    yield page
    page.close()


def test_the_self_check_has_the_rule_of_validation(modules, site, bundle) -> None:
    """Random answers, right and wrong, are judged by the page's module and by Python's alike."""
    rng = np.random.default_rng(1)
    [feature] = bundle.manifest.inputs
    manifest = dataclasses.replace(bundle.manifest, inputs=(dataclasses.replace(feature, size=12),))
    cases = []
    for _ in range(300):
        best = rng.permutation(np.arange(2, 12))
        best_scores = np.sort(rng.normal(0, 2, 10))[::-1]
        items = rng.permutation(best[:6])[:4] if rng.random() < 0.5 else best[:4]
        items = np.where(rng.random(4) < 0.05, rng.integers(-1, 14, 4), items)
        scores = best_scores[:4] + rng.normal(0, 0.1, 4) * (rng.random() < 0.7)
        scores = np.where(rng.random(4) < 0.02, np.nan, np.sort(scores)[::-1] if rng.random() < 0.9 else scores)
        ids = rng.integers(0, 12, 3) if rng.random() < 0.3 else np.zeros(3, int)
        span = 0.0 if rng.random() < 0.1 else 5.0
        cases.append((ids, items, scores, best, best_scores, span))
    given = [
        {
            "ids": ids.tolist(),
            "items": items.tolist(),
            "scores": [None if np.isnan(score) else score for score in scores],
            "best": {"items": best.tolist(), "scores": best_scores.tolist()},
            "span": span,
        }
        for ids, items, scores, best, best_scores, span in cases
    ]
    judge = """async ({ address, cases, manifest }) => {
        const { answerProblem, scoreError } = await import(`${address}selfcheck.js`);
        return cases.map(({ ids, items, scores, best, span }) => {
            const answer = { items, scores: scores.map((score) => score ?? NaN) };
            const error = scoreError(answer, best, span);
            return [answerProblem(manifest, { ids }, answer) !== "", error === Infinity ? "infinite" : error];
        });
    }"""
    found = modules.evaluate(judge, {"address": site, "cases": given, "manifest": records.to_json(manifest)})
    problems = 0
    for (ids, items, scores, best, best_scores, span), (wrong, error) in zip(cases, found, strict=True):
        problem = answer_problem(manifest, ids.tolist(), items, scores)
        assert bool(problem) == wrong, problem
        problems += wrong
        if not np.isnan(scores).any():
            allowed = score_error(items, scores, best, best_scores, span)
            assert float("inf" if error == "infinite" else error) == pytest.approx(allowed, rel=1e-9)
    assert 30 < problems < 270


def test_the_tokenizer_cuts_as_the_contract_says(modules, site) -> None:
    texts = [
        "It's GREAT<br />, really great!", "", "  ", "a-b_c'd\t9", "ÜBER straße ÉTÉ", "x\u0080y \u007f z",
        "日本語 テスト", "smile \U0001f600!", "I\u0130i", "don\u2019t", "A" * 3 + " b" * 9, "NUL\x00and\u00a0space",
    ]  # fmt: skip
    cut = """async ({ address, keys, length, texts }) => {
        const { Tokenizer, words } = await import(`${address}tokenizer.js`);
        const { Vocabulary } = await import(`${address}vocabulary.js`);
        const feature = { shape: [1, length], padding: 0, tokenizer: { name: "words", lowercase: true } };
        const tokenizer = new Tokenizer(feature, new Vocabulary(keys, 2));
        return texts.map((text) => [words(text, true), [...tokenizer.encode(text)]]);
    }"""
    found = modules.evaluate(cut, {"address": site, "keys": KEYS, "length": LENGTH, "texts": texts})
    for text, (words, ids) in zip(texts, found, strict=True):
        lowered = re.sub("[A-Z]", lambda letter: letter[0].lower(), text)
        assert words == re.findall("[a-zA-Z0-9'\u0080-\U0010ffff]+", lowered)
        assert ids == encode(text)


def test_lines_of_fields_are_cut_as_here(modules, site) -> None:
    tokenizer = Tokenizer(FIELDS, lowercase=False, fields=("user", "ad", "constructor", "a"))
    texts = [
        "", "user=1", "a=z\nad=1\nuser=1\nad=2", "ad=2\nad=", " \tuser=1 \r\n\t a=z\t", "user\n=1\nUSER=1\nusers=1",
        "a=b=c\nuser==", "constructor=x\n__proto__=y", "user=1\x0bad=2\na=\u2028\u00a0\nad=\U0001f600\u00e9",
    ]  # fmt: skip
    cut = """async ({ address, fields, texts }) => {
        const { Tokenizer } = await import(`${address}tokenizer.js`);
        const { Vocabulary } = await import(`${address}vocabulary.js`);
        const vocabulary = new Vocabulary(["<padding>", "<unknown>", "user=1", "ad=2", "a=z"], 2);
        const record = { name: "fields", lowercase: false, fields };
        const feature = { shape: [1, fields.length], padding: 0, tokenizer: record };
        const tokenizer = new Tokenizer(feature, vocabulary);
        return texts.map((text) => [tokenizer.read(text).map(({ word }) => word), [...tokenizer.encode(text)]]);
    }"""
    given = {"address": site, "fields": list(tokenizer.fields), "texts": texts}
    vocabulary = Vocabulary(("<padding>", "<unknown>", "user=1", "ad=2", "a=z"))
    for text, (words, ids) in zip(texts, modules.evaluate(cut, given), strict=True):
        assert words == tokenizer.words(text)
        assert ids == text_ids(vocabulary.keys, [text], tokenizer, len(tokenizer.fields))[0].tolist()


def test_search_finds_the_best_first_and_percentiles_are_numpys(modules, site) -> None:
    keys = ["<padding>", "<unknown>", "big noir-12", "noir-1", "noir-10", "Ünoir", "rock-1", "noir"]
    look = """async ({ address, keys, queries, samples }) => {
        const { Vocabulary } = await import(`${address}vocabulary.js`);
        const { percentile } = await import(`${address}latency.js`);
        const vocabulary = new Vocabulary(keys, 2);
        const found = queries.map((query) => vocabulary.search(query, 4, new Set([6])));
        return [found, [0, 50, 95, 100].map((percent) => percentile(samples, percent))];
    }"""
    queries = ["NOIR", "noir 1", "unoir", "  ", "rock", "<pad", "big"]
    samples = np.random.default_rng(0).random(37).tolist()
    given = {"address": site, "keys": keys, "queries": queries, "samples": samples}
    found, percentiles = modules.evaluate(look, given)
    assert found == [[7, 3, 4, 2], [2, 3, 4], [5], [], [], [], [2]]
    assert percentiles == pytest.approx(np.percentile(samples, [0, 50, 95, 100]).tolist())


def test_the_page_reads_the_manifest_that_is_written(modules, site) -> None:
    """Every field that the page needs is one of the manifest's, of the same type and with the same default."""
    read = "async (address) => (await import(`${address}manifest.js`)).RECORDS"
    kinds = {
        kind.__name__: kind
        for kind in (manifests.Manifest, manifests.Tensor, manifests.Embedding, Feature, Head, Tokenizer)
    }
    records = modules.evaluate(read, site)
    assert set(records) == set(kinds)
    for record, fields in records.items():
        known = {each.name: each for each in dataclasses.fields(kinds[record])}
        for name, (type_, *default) in fields.items():
            assert type_ == known[name].type, f"{record}.{name}"
            written = known[name].default
            expected = (
                [] if written is dataclasses.MISSING else [list(written) if isinstance(written, tuple) else written]
            )
            assert default == expected, f"{record}.{name}"


def test_the_page_reads_the_version_that_is_written(modules, site) -> None:
    read = "async (address) => (await import(`${address}manifest.js`)).SCHEMA_VERSION"
    assert modules.evaluate(read, site) == bundles.SCHEMA_VERSION
