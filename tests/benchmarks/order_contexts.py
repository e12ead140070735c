"""What the semantic order makes of contexts other than users: lines of a click log and documents.

Run it as `python tests/benchmarks/order_contexts.py --clicks Click_prediction_small.csv.gz --texts
aclImdb_v1.tar.gz --out FILE.json` (Click_prediction_small is no. 1220 on OpenML, aclImdb the review data set of
Maas et al., ACL 2011). Every other context is held out; the order is made from the rest.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice.data.context_order import factor_order
from ondevice.data.factors import id_factors
from ondevice.data.lists import Lists
from ondevice.files import write_json
from ondevice.ids import run_starts

IntArray = npt.NDArray[np.int64]
FIELDS = ("url_hash", "ad_id", "query_id", "keyword_id", "title_id", "description_id", "user_id")
"""The fields whose ids stand in a line; `advertiser_id` is kept to judge by."""


def numbered(contexts: Iterable[list[str]]) -> tuple[Lists, dict[str, int]]:
    """Give numbers to keys in the order in which they come."""
    keys: dict[str, int] = {}
    return Lists.of([[keys.setdefault(key, len(keys)) for key in context] for context in contexts]), keys


def read_clicks(path: Path) -> tuple[Lists, dict[str, int], dict[int, str]]:
    """Return the lines, the ids of all fields, and the advertiser of each ad."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    # User 0 stands for all that are not known.
    known = ([f"{f} {line[f]}" for f in FIELDS if (f, line[f]) != ("user_id", "0")] for line in lines)
    contexts, keys = numbered(known)
    return contexts, keys, {keys[f"ad_id {line['ad_id']}"]: line["advertiser_id"] for line in lines}


def read_texts(path: Path) -> tuple[Lists, dict[str, int]]:
    """Return each document's distinct words, in the order in which they first occur."""
    documents = []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                text = file.read().decode("utf-8").lower().replace("<br />", " ")
                documents.append(list(dict.fromkeys(re.findall(r"[a-z0-9']+", text))))
    return numbered(documents)


def share_with_company(contexts: Lists, order: IntArray, starts: IntArray) -> float:
    """Return the share of the entries that have another id of the same run in the same context."""
    run = np.empty(len(order), np.int64)
    run[order] = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    context = np.repeat(np.arange(len(contexts)), np.diff(contexts.offsets))
    _, place, together = np.unique(
        context * len(starts) + run[contexts.values], return_inverse=True, return_counts=True
    )
    return float(np.mean(together[place] > 1))


def same_label(order: IntArray, starts: IntArray, label: IntArray) -> float:
    """Return the share of the pairs of ids in one run that have the same label."""
    same = pairs = 0
    for part in np.split(label[order], starts[1:-1]):
        counts = np.unique(part, return_counts=True)[1]
        same, pairs = same + int(np.sum(counts * (counts - 1))), pairs + len(part) * (len(part) - 1)
    return same / pairs


def held_out(contexts: Lists, ids: int, run: int) -> dict[str, float]:
    """Order by half of the contexts and measure on the other half, beside a random order."""
    half = [Lists.of([contexts[place] for place in range(first, len(contexts), 2)]) for first in (0, 1)]
    starts = run_starts(ids, -(-ids // run))
    began = time.process_time()
    order = factor_order(id_factors(half[0], ids, 0), half[0].counts(ids), starts)
    seconds = time.process_time() - began
    shuffled = np.random.default_rng(0).permutation(ids)
    return {
        "contexts": len(contexts),
        "ids": ids,
        "ids_unseen": int(np.count_nonzero(half[0].counts(ids) == 0)),
        "processor_seconds": seconds,
        "semantic": share_with_company(half[1], order, starts),
        "random": share_with_company(half[1], shuffled, starts),
    }


def advertisers(contexts: Lists, ids: int, advertiser_of: dict[int, str], run: int) -> dict[str, float]:
    """Order the ads alone, by factors from whole lines, and tell how often ads of a run have one advertiser."""
    ads = np.array(sorted(advertiser_of))
    _, label = np.unique([advertiser_of[ad] for ad in ads], return_inverse=True)
    starts = run_starts(len(ads), -(-len(ads) // run))
    order = factor_order(id_factors(contexts, ids, 0)[ads], np.ones(len(ads), np.int64), starts)
    shuffled = np.random.default_rng(0).permutation(len(ads))
    return {name: same_label(each, starts, label) for name, each in (("semantic", order), ("random", shuffled))}


def main() -> None:
    """Read what is given, order it and write the raw figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--run", type=int, default=16, help="ids per run")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    arguments = parser.parse_args()
    figures: dict[str, object] = {"run": arguments.run}
    if arguments.clicks is not None:
        contexts, keys, advertiser_of = read_clicks(arguments.clicks)
        figures["clicks, share of held-out entries with company"] = held_out(contexts, len(keys), arguments.run)
        figures["ads, share of pairs of one advertiser"] = advertisers(
            contexts, len(keys), advertiser_of, arguments.run
        )
    if arguments.texts is not None:
        contexts, keys = read_texts(arguments.texts)
        figures["words, share of held-out entries with company"] = held_out(contexts, len(keys), arguments.run)
    write_json(arguments.out, figures)
    print(figures)


if __name__ == "__main__":
    main()
