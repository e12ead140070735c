"""Put a bundle into the Android demo, and build the app.

The bundle replaces a former one in the app's assets. Android Studio or Gradle build the app as ever; --build makes
the APK without the Android SDK, from programs of this machine and artefacts that Maven fetches.
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from ondevice.cli.console import results, talk
from ondevice.units import format_bytes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="bundle folder")
    parser.add_argument(
        "--app", type=Path, default=Path("android_demo"), help="folder of the Android demo (default: %(default)s)"
    )
    parser.add_argument("--build", action="store_true", help="build the APK here, without the Android SDK")


def run(arguments: argparse.Namespace) -> int:
    """Put the bundle in, and build."""
    from ondevice.pipeline.android import android

    if arguments.build:
        with talk() as console:
            console.print("Building the APK takes a minute, the first time longer.", soft_wrap=True)
    made = android(arguments.bundle, arguments.app, build=arguments.build)
    output = results()
    model = format_bytes(made.model_bytes)
    output.print(f"{made.assets}: model of {model}", soft_wrap=True)
    if made.apk is None:
        output.print("Next: build the app in Android Studio, or add --build", soft_wrap=True)
        return 0
    size = format_bytes(made.apk_bytes)
    output.print(f"{made.apk}: {size}, of it the model {model}", soft_wrap=True)
    output.print(f"Next: adb install -r {shlex.quote(str(made.apk))}", soft_wrap=True)
    return 0
