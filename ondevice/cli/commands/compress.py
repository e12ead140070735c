"""Compress the tables of a Keras model's embeddings, in the model and fitted to what was trained."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ondevice.cli.console import arguments_of, results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("model", type=Path, metavar="MODEL.keras", help="a file that `model.save` wrote")
    parser.add_argument("--out", type=Path, metavar="SMALL.keras", help="file to write, needed without --plan")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--ratio", type=float, help="parameters of each table over parameters stored (default: 16)")
    size.add_argument("--budget", help="bytes of all tables together as --recipe encodes them, e.g. 300kB")
    parser.add_argument("--method", default="product_codes", help="name of the method (default: %(default)s)")
    parser.add_argument(
        "--config", type=Path, metavar="TABLES.toml", help='by pattern of the layer\'s name, e.g. "user_.*" = "keep"'
    )
    parser.add_argument(
        "--data", type=Path, metavar="BATCH.npz", help="examples: one array per input, and `y`; order and weight of ids"
    )
    parser.add_argument("--skip-below", default="16kB", help="tables with fewer bytes stay (default: %(default)s)")
    parser.add_argument("--recipe", default="int8", help="recipe that bytes are counted in (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of whatever is random (default: %(default)s)")
    parser.add_argument(
        "--plan", action="store_true", dest="plan_only", help="tell what would become of each table, and stop"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compress."""
    from ondevice import files
    from ondevice.errors import UsageError
    from ondevice.pipeline.compress import compress
    from ondevice.pipeline.own_model import built
    from ondevice.quiet import native_messages_kept_back

    if (arguments.out is None) != arguments.plan_only:
        raise UsageError("--out and --plan are one of both; allowed is --out SMALL.keras, or --plan alone.")
    if arguments.out is not None:
        if arguments.out.suffix != ".keras":
            raise UsageError(f"--out is {str(arguments.out)!r}; allowed is a file that ends with .keras.")
        files.refuse_existing(arguments.out)
    given = arguments_of(compress, arguments) | {"verbose": False}
    if arguments.config is not None:
        given["config"] = _config(arguments.config)
    with native_messages_kept_back():
        given["model"] = built(arguments.model)
        report = compress(**given)
        if arguments.out is not None:
            with files.replacing(arguments.out) as temporary:
                given["model"].save(temporary)
    results().print(str(report), soft_wrap=True)
    if arguments.out is not None:
        results().print(f"Next: ondevice export {shlex.quote(str(arguments.out))} --out BUNDLE", soft_wrap=True)
    return 0


def _config(path: Path) -> dict[str, object]:
    from ondevice.errors import OnDeviceError, UsageError
    from ondevice.toml_family import read_toml

    if not path.is_file():
        raise UsageError(f"config {str(path)!r} does not exist; allowed is a TOML file.")
    try:
        return read_toml(path)
    # Errors of TOML and of UTF-8 are of this kind.
    except ValueError as error:
        raise OnDeviceError(f"config {str(path)!r} is no TOML: {error}.") from error
