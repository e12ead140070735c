"""What another device makes of the known-bad bundles: the same checks as on this machine's LiteRT, or which others.

Run it as `python tests/benchmarks/known_bad_elsewhere.py --device web`; it takes about ten minutes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Validate every bundle that can be opened, and print what rejected it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="web")
    arguments = parser.parse_args()
    # The suite is no package that is installed.
    sys.path.insert(0, str(ROOT))
    from ondevice.pipeline.validate import validate_run
    from tests.known_bad.good_bundles import GoodBundles, reseal
    from tests.known_bad.members import Copy, all_members
    from tests.tiny_runs import run_maker

    others = 0
    with tempfile.TemporaryDirectory() as name:
        good_bundles = GoodBundles(Path(name) / "good", run_maker(Path(name) / "runs"))
        members = [member for member in all_members().values() if not member.refused]
        for member in members:
            good, folder = good_bundles(member.good), Path(name) / "broken"
            bundle = Copy(Path(shutil.copytree(good.folder, folder / "bundle")), good.run)
            member.breaks(bundle)
            reseal(bundle.folder)
            run = bundle.run.folder if member.with_run else None
            for result in validate_run(bundle.folder, run, device=arguments.device, **member.options).results:
                found = {failure.check for failure in result.failures}
                # As in the suite: where real histories are answered wrongly, odd ones may be, too.
                checks = found - {"edge ids"} if "values" in found else found
                same = checks == member.verdict("host")["litert"]
                others += not same
                word = "same" if same else "OTHER"
                print(f"{word:<6} {result.measurement.runtime} {member.name}: {', '.join(sorted(checks)) or 'valid'}")
            shutil.rmtree(folder)
    print(f"{len(members)} bundles, {others} verdicts that are not those of LiteRT on this machine")


if __name__ == "__main__":
    main()
