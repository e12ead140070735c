"""Quantize and convert a trained model to a bundle, and check it on the runtimes installed here."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ondevice.cli.console import results
from ondevice.devices.runtimes import DEFAULT_TARGET


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a finished training run")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="bundle folder to write")
    parser.add_argument("--recipe", default="int8", help="quantization recipe, by name or path (default: %(default)s)")
    parser.add_argument("--target", default=DEFAULT_TARGET, help="runtime the file is for (default: %(default)s)")
    parser.add_argument("--top-k", type=int, help="items per answer (default: 20; a text is answered with all labels)")
    parser.add_argument(
        "--out-of-range",
        default="unknown",
        help="what an id outside the vocabulary counts as: unknown or padding (default: %(default)s)",
    )
    parser.add_argument("--name", default="", help="name of the model in reports (default: METHOD@ORDER)")
    parser.add_argument("--keep-history", action="store_true", help="let answers contain the items given")
    parser.add_argument(
        "--no-vocabulary", action="store_true", help="leave the vocabulary out of the .tflite file; it is beside it"
    )


def run(arguments: argparse.Namespace) -> int:
    """Export."""
    from ondevice.manifest import UNKNOWN_RUNTIME
    from ondevice.pipeline.export import export
    from ondevice.quiet import native_messages_kept_back
    from ondevice.units import format_bytes

    with native_messages_kept_back():
        bundle = export(
            arguments.run_folder,
            arguments.out,
            recipe=arguments.recipe,
            target=arguments.target,
            top_k=arguments.top_k,
            out_of_range=arguments.out_of_range,
            exclude_history=False if arguments.keep_history else None,
            vocabulary=not arguments.no_vocabulary,
            name=arguments.name,
        )
    manifest, output = bundle.manifest, results()
    known = manifest.minimum_runtime != UNKNOWN_RUNTIME
    needs = f"TensorFlow Lite {manifest.minimum_runtime} or newer" if known else "a runtime that is not known"
    output.print(f"{bundle.model}: {format_bytes(manifest.file_bytes)}, needs {needs}", soft_wrap=True)
    carries = " and ".join(manifest.appended)
    output.print(f"  carries {carries}: {format_bytes(manifest.appended_bytes)} more", soft_wrap=True)
    for table in manifest.embedding.tables:
        reason = f" ({table.reason})" if table.reason else ""
        native = f" as a native {table.storage} table" if table.storage else ""
        output.print(
            f"  table {table.name}: {table.scheme}{native}, {format_bytes(table.payload_bytes)}{reason}",
            soft_wrap=True,
        )
    folder, run_folder = (shlex.quote(str(path)) for path in (bundle.folder, arguments.run_folder))
    output.print(f"Next: ondevice validate {folder} --run {run_folder}", soft_wrap=True)
    return 0
