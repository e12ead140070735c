"""List the devices that files can be validated on, or install what emulated phones and browsers start from."""

from __future__ import annotations

import argparse

from ondevice.cli.console import results, talk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("action", choices=("list", "install"), help="what to do")
    parser.add_argument(
        "names", nargs="*", metavar="DEVICE", help="devices (default: all to list, entry-2018 to install)"
    )
    parser.add_argument("--again", action="store_true", help="build or fetch it anew although it is there")


def run(arguments: argparse.Namespace) -> int:
    """List or install."""
    from ondevice.pipeline.devices import DEFAULT_PHONE, install_devices, list_devices

    if arguments.action == "install":
        with talk() as console:
            install_devices(
                arguments.names or (DEFAULT_PHONE,),
                again=arguments.again,
                say=lambda what: console.print(what),
            )
    output = results()
    for state in list_devices(arguments.names):
        mark = "ok  " if not state.missing else "none"
        line = f"{mark} {state.name:<12} {state.title}; runtimes: {', '.join(state.runtimes)}"
        output.print(line, soft_wrap=True)
        if state.missing:
            output.print(f"                  {state.missing}", soft_wrap=True)
    return 0
