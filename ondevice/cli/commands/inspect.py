"""Show what a .tflite file holds and which runtimes it fits.

Sizes, signatures, operations with their versions and the stored tables are read from the file, and known traps of
each target runtime are looked for. Nothing is run without --run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice.errors import escaped, quoted

if TYPE_CHECKING:
    from rich.console import Console

    from ondevice.encoding_error import EncodingError
    from ondevice.pipeline.inspect import Inspection

# Wider than any line, so that output to a file or another program is neither folded nor cut.
_UNLIMITED_WIDTH = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, help="a .tflite file, or a bundle that `ondevice export` wrote")
    parser.add_argument(
        "--run",
        dest="try_it",
        action="store_true",
        help="let the runtimes of this machine try the file, each in a process of its own",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the inspection of one file and return the exit code."""
    from ondevice.errors import EXIT_DONE
    from ondevice.pipeline.inspect import inspect

    inspection = inspect(arguments.file, run=arguments.try_it)
    if arguments.json:
        _print_json(inspection)
    else:
        _print_tables(inspection)
    return EXIT_DONE


def _print_json(inspection: Inspection) -> None:
    import json

    from ondevice import records

    print(json.dumps(records.to_json(inspection), indent=2, sort_keys=True))


def _print_tables(inspection: Inspection) -> None:
    from rich.console import Console

    from ondevice.units import format_bytes, format_share

    # Names in a file are data: brackets and colons in them must not be taken for markup or emoji.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNLIMITED_WIDTH
    summary = inspection.summary
    overhead_share = format_share(inspection.overhead_bytes / summary.file_bytes)
    size_bytes = summary.file_bytes + summary.appended_bytes
    console.print(f"file size        {format_bytes(size_bytes)} ({size_bytes} bytes)")
    if summary.appended_bytes:
        console.print(f"of it the model  {format_bytes(summary.file_bytes)} ({summary.file_bytes} bytes)")
    console.print(f"not weights      {format_bytes(inspection.overhead_bytes)} ({overhead_share})")
    console.print(f"schema version   {summary.schema_version}")
    console.print(f"minimum runtime  {_runtime_line(inspection)}")
    _print_signatures(console, inspection)
    _print_operations(console, inspection)
    _print_constants(console, inspection)
    _print_appended(console, inspection)
    for layer, error in inspection.errors.items():
        _print_error(console, layer, error)
    for target, problems in inspection.problems.items():
        _print_list(console, f"{target}: {_counted(problems, 'problem')} found", problems)
    _print_list(console, f"whatever runs it: {_counted(inspection.flaws, 'problem')} found", inspection.flaws)
    if inspection.not_judged:
        _print_list(console, f"not judged: {_counted(inspection.not_judged, 'operation')}", inspection.not_judged)
    for runtime, trial in inspection.trials.items():
        said = f", {trial.step}: {trial.message}" if trial.message else ""
        console.print(f"\n{runtime} {trial.version} tried it: {trial.status}{said}")


def _counted(found: Sequence[str], what: str) -> str:
    return f"{len(found) or 'no'} {what}{'' if len(found) == 1 else 's'}"


def _print_list(console: Console, heading: str, found: Sequence[str]) -> None:
    console.print(f"\n{heading}")
    for each in found:
        console.print(f"  - {each}")


def _runtime_line(inspection: Inspection) -> str:
    computed, stamped = inspection.minimum_runtime, inspection.summary.minimum_runtime
    if not computed:
        return "unknown, the file has operations that are not judged"
    if not stamped:
        return f"{computed} (the file itself does not say)"
    return computed if computed == stamped else f"{computed} (the file itself says {stamped})"


def _print_signatures(console: Console, inspection: Inspection) -> None:
    summary = inspection.summary
    if len(summary.graphs) > 1:
        console.print(f"graphs           {len(summary.graphs)}")
    if not summary.signatures:
        console.print("\nno signature: inputs and outputs have no names, only places")
    for signature in inspection.summary.signatures:
        console.print(f"\nsignature {quoted(signature.name)}")
        for side, tensors in (("input", signature.inputs), ("output", signature.outputs)):
            for tensor in tensors:
                console.print(f"  {side:<6}  {escaped(tensor.name)}: {tensor.dtype}{list(tensor.shape)}")


def _print_operations(console: Console, inspection: Inspection) -> None:
    rows = [
        (
            escaped(operation.name),
            str(operation.version),
            str(operation.count),
            operation.oldest_runtime or "not judged",
        )
        for operation in inspection.operations
    ]
    _print_table(console, ("operation", "version", "count", "since runtime"), rows)


def _print_constants(console: Console, inspection: Inspection) -> None:
    from ondevice.units import format_bytes, format_share

    summary = inspection.summary
    rows = [
        (
            escaped(tensor.name),
            str(list(tensor.shape)),
            tensor.dtype,
            format_bytes(tensor.buffer_bytes),
            format_share(tensor.buffer_bytes / summary.file_bytes),
            str(tensor.scales),
        )
        for tensor in sorted(summary.constants, key=lambda tensor: -tensor.buffer_bytes)
    ]
    _print_table(
        console, ("constant", "shape", "type", "size", "of model" if summary.appended else "of file", "scales"), rows
    )


def _print_appended(console: Console, inspection: Inspection) -> None:
    from ondevice.units import format_bytes

    entries = inspection.summary.appended
    if entries:
        rows = [
            (escaped(each.name), format_bytes(each.size_bytes), format_bytes(each.stored_bytes)) for each in entries
        ]
        _print_table(console, ("appended", "size", "in the file"), rows)


def _print_error(console: Console, layer: str, error: EncodingError) -> None:
    from ondevice.units import format_decibels, format_share

    if error.signal_to_noise_db is None:
        console.print(f"\nencoding changes none of the {error.ids} vectors of layer {layer}")
        return
    console.print(f"\nencoding changes the {error.ids} vectors of layer {layer}")
    console.print(f"  signal to noise  {format_decibels(error.signal_to_noise_db)}")
    console.print(f"  cosine           mean {error.mean_cosine:.6f}, least {error.least_cosine:.6f}")
    console.print(f"  largest error    {error.max_error:.3g}")
    shares = sorted(error.shares.items(), key=lambda share: -share[1])
    _print_table(console, ("table", "of the squared error"), [(name, format_share(share)) for name, share in shares])
    rows = [(escaped(each.key), str(each.id), f"{each.error:.3g}", f"{each.cosine:.6f}") for each in error.worst]
    _print_table(console, ("changed most", "id", "error", "cosine"), rows)


def _print_table(console: Console, headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    # Only the name may be long: it is folded onto further lines, everything else keeps its line.
    table.add_column(headings[0], overflow="fold", min_width=8)
    for heading in headings[1:]:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)
