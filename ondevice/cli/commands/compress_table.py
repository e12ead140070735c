"""Compress a matrix of vectors alone to a bundle that looks them up; no model and no training."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ondevice.cli.console import arguments_of, results
from ondevice.devices.runtimes import DEFAULT_TARGET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "vectors", type=Path, metavar="VECTORS", help=".npy, .npz, .safetensors, word2vec text or a torch state dict"
    )
    parser.add_argument("--array", default="", help="name of the array in a file of several")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="bundle folder to write")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--ratio", type=float, help="numbers of the matrix over numbers stored (default: 16)")
    size.add_argument("--budget", help="bytes of the encoded tables, e.g. 300kB")
    parser.add_argument(
        "--vocabulary", type=Path, dest="keys", metavar="KEYS", help="one key per line, in the order of the rows"
    )
    parser.add_argument("--pool", default="", help="mean: a call answers with the mean of its ids' vectors")
    parser.add_argument("--normalize", action="store_true", help="scale answers to length one")
    parser.add_argument("--length", type=int, default=1, help="ids per call (default: %(default)s)")
    parser.add_argument("--method", default="product_codes", help="name of the method (default: %(default)s)")
    parser.add_argument("--scheme", default="", help="encoding of its tables (default: the recipe's)")
    parser.add_argument("--recipe", default="int8", help="quantization recipe (default: %(default)s)")
    parser.add_argument("--target", default=DEFAULT_TARGET, help="runtime the file is for (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Compress."""
    from ondevice.pipeline.compress_table import compress_table
    from ondevice.quiet import native_messages_kept_back

    with native_messages_kept_back():
        made = compress_table(**arguments_of(compress_table, arguments), verbose=False)
    results().print(str(made), soft_wrap=True)
    results().print(f"Next: ondevice validate {shlex.quote(str(arguments.out))}", soft_wrap=True)
    return 0
