"""What is left of vectors alone: the token table of a sentence embedding that is used in public, and planted structure.

`python tests/benchmarks/vectors_alone.py --wordllama FOLDER --texts FILE --out OUT.json`, where FOLDER is
the package `wordllama` 0.4.0.post1 unpacked (its wheel has 32,000 x 256 numbers and a tokenizer), FILE a text per
line. Needs the package `tokenizers`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

import ondevice
from ondevice.data.vectors import read_vectors

FORMS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("product_codes 16x", {"ratio": 16.0}),
    ("memcom 16x", {"ratio": 16.0, "method": "memcom"}),
    ("hashing 16x", {"ratio": 16.0, "method": "hashing"}),
    ("rows of 4 bits", {"ratio": 1.0, "method": "full", "scheme": "int4_row"}),
    ("product_codes at the bytes of 4-bit rows", {"method": "product_codes"}),
    ("memcom at the bytes of 4-bit rows", {"method": "memcom"}),
)


def planted() -> np.ndarray:
    """Return 30,000 x 256 vectors of clusters within clusters, of different lengths."""
    rng = np.random.default_rng(0)
    coarse, fine = rng.standard_normal((300, 256)), rng.standard_normal((3_000, 256))
    of = rng.integers(0, 3_000, 30_000)
    vectors = coarse[of % 300] + 0.7 * fine[of] + 0.6 * rng.standard_normal((30_000, 256))
    return (vectors * rng.uniform(0.5, 1.5, (30_000, 1))).astype(np.float32)


def sentences(vectors: np.ndarray, texts: list[list[int]]) -> np.ndarray:
    """Return the mean of the tokens' vectors of each text, scaled to length one."""
    found = np.stack([vectors[ids].mean(axis=0) for ids in texts])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def measure(name: str, vectors: np.ndarray, arguments: dict[str, Any], texts: list[list[int]]) -> dict[str, Any]:
    """Compress vectors to a bundle and measure what its file answers."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        keys = [str(number) for number in range(len(vectors))]
        made = ondevice.compress_table(vectors, out=Path(folder) / "bundle", keys=keys, verbose=False, **arguments)
        seconds = time.monotonic() - started
        [embedding] = made.bundle.manifest.embeddings
        found = {
            "form": name,
            "tables": sum(table.payload_bytes for table in embedding.tables),
            "file": made.bundle.manifest.file_bytes,
            "seconds": seconds,
            "lost": made.error,
            "neighbours": made.neighbours,
        }
        if texts:
            found["cosine"] = float(np.mean(np.sum(sentences(vectors, texts) * sentences(made.vectors, texts), axis=1)))
    return found


def main() -> None:
    """Measure every form of both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wordllama", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    table, _ = read_vectors(arguments.wordllama / "weights" / "l2_supercat_256.safetensors")
    tokenizer = Tokenizer.from_file(str(arguments.wordllama / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    lines = [line for line in arguments.texts.read_text(encoding="utf-8").splitlines() if line.strip()][:1_000]
    texts = [ids for ids in (tokenizer.encode(line, add_special_tokens=False).ids[:128] for line in lines) if ids]
    results = []
    for data, vectors, given in (("planted", planted(), []), ("wordllama", table, texts)):
        bytes_of_rows = 0
        for name, form in FORMS:
            if "bytes of" in name:
                form = {**form, "budget": bytes_of_rows}
            found = {"data": data, **measure(name, vectors, form, given)}
            bytes_of_rows = found["tables"] if name == "rows of 4 bits" else bytes_of_rows
            results.append(found)
            print(
                {key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()},
                flush=True,
            )
            arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
