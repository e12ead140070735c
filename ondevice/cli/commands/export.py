"""Quantize and convert a Keras model or a trained run to a bundle, and check it on the runtimes installed here."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.cli.console import results
from ondevice.devices.runtimes import DEFAULT_TARGET

if TYPE_CHECKING:
    from ondevice.bundle import Bundle

OF_RUN = ("out_of_range", "keep_history", "no_vocabulary")
OF_MODEL = ("sample", "head", "labels", "exclude")
"""The arguments that only a run folder, or only a model of one's own, has a use for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", type=Path, metavar="MODEL", help="a .keras file, or the folder of a training run")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="bundle folder to write")
    parser.add_argument("--recipe", default="int8", help="quantization recipe, by name or path (default: %(default)s)")
    parser.add_argument("--target", default=DEFAULT_TARGET, help="runtime the file is for (default: %(default)s)")
    parser.add_argument("--name", default="", help="name of the model in reports (default: its own, or METHOD@ORDER)")
    parser.add_argument("--top-k", type=int, metavar="K", help="ids per answer (default of a run: 20, or all labels)")
    own = parser.add_argument_group("a .keras file")
    own.add_argument(
        "--sample", type=Path, metavar="BATCH.npz", help="a batch: one array per input, a slash in a name nests inputs"
    )
    own.add_argument("--labels", nargs="+", help="names of the labels that the outputs are the probabilities of")
    own.add_argument("--exclude", metavar="INPUT", help="with --top-k: input whose ids are left out of the answer")
    run = parser.add_argument_group("a run folder")
    run.add_argument(
        "--out-of-range", help="what an id outside the vocabulary counts as: unknown or padding (default: unknown)"
    )
    run.add_argument("--keep-history", action="store_true", help="let answers contain the items given")
    run.add_argument(
        "--no-vocabulary", action="store_true", help="leave the vocabulary out of the .tflite file; it is beside it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Export."""
    from ondevice.quiet import native_messages_kept_back

    with native_messages_kept_back():
        bundle = _of_run(arguments) if arguments.source.is_dir() else _of_model(arguments)
    _print(bundle)
    folder, source = (shlex.quote(str(path)) for path in (bundle.folder, arguments.source))
    with_what = f"--run {source}" if arguments.source.is_dir() else f"--model {source} --data DATA.npz"
    results().print(f"Next: ondevice validate {folder} {with_what}", soft_wrap=True)
    return 0


def _of_run(arguments: argparse.Namespace) -> Bundle:
    from ondevice.pipeline.export_run import export_run

    _refuse(arguments, OF_MODEL, "a .keras file")
    return export_run(
        arguments.source,
        arguments.out,
        recipe=arguments.recipe,
        target=arguments.target,
        k=arguments.top_k,
        out_of_range=arguments.out_of_range or "unknown",
        exclude_history=False if arguments.keep_history else None,
        vocabulary=not arguments.no_vocabulary,
        name=arguments.name,
    )


def _of_model(arguments: argparse.Namespace) -> Bundle:
    from ondevice.head import probabilities, top_k
    from ondevice.pipeline.export import export
    from ondevice.pipeline.own_model import read_arrays

    _refuse(arguments, OF_RUN, "the folder of a training run")
    head = None
    if arguments.top_k is not None:
        head = top_k(arguments.top_k, arguments.exclude or "")
    elif arguments.labels:
        head = probabilities(arguments.labels)
    return export(
        arguments.source,
        arguments.out,
        sample=None if arguments.sample is None else read_arrays(arguments.sample)[0],
        head=head,
        recipe=arguments.recipe,
        target=arguments.target,
        name=arguments.name,
    )


def _refuse(arguments: argparse.Namespace, names: tuple[str, ...], whose: str) -> None:
    from ondevice.errors import UsageError

    for name in names:
        if getattr(arguments, name, None):
            raise UsageError(f"--{name.replace('_', '-')} is given; allowed is it for {whose} only.")


def _print(bundle: Bundle) -> None:
    from ondevice.manifest import UNKNOWN_RUNTIME
    from ondevice.units import format_bytes

    manifest, output = bundle.manifest, results()
    known = manifest.minimum_runtime != UNKNOWN_RUNTIME
    needs = f"TensorFlow Lite {manifest.minimum_runtime} or newer" if known else "a runtime that is not known"
    output.print(f"{bundle.model}: {format_bytes(manifest.file_bytes)}, needs {needs}", soft_wrap=True)
    carries = " and ".join(manifest.appended)
    output.print(f"  carries {carries}: {format_bytes(manifest.appended_bytes)} more", soft_wrap=True)
    for name, table in manifest.tables.items():
        reason = f" ({table.reason})" if table.reason else ""
        native = f" as a native {table.storage} table" if table.storage else ""
        output.print(
            f"  table {name}: {table.scheme}{native}, {format_bytes(table.payload_bytes)}{reason}", soft_wrap=True
        )
    for layer, reason in manifest.skipped.items():
        output.print(f"  layer {layer}: as it is, since {reason}", soft_wrap=True)
