"""Say what this machine has for the whole path, and what to do about what it lacks."""

from __future__ import annotations

import argparse

from ondevice.cli.console import results


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: none."""


def run(arguments: argparse.Namespace) -> int:
    """Check."""
    from ondevice.pipeline.doctor import doctor

    output = results()
    findings = doctor()
    for finding in findings:
        mark = "ok  " if finding.ok else ("MISS" if finding.needed else "none")
        output.print(f"{mark} {finding.name:<20} {finding.message}", soft_wrap=True)
    return 0 if all(finding.ok or not finding.needed for finding in findings) else 1
