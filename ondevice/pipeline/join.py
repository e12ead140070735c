"""Sweeps with other seeds, trained on several machines or days, as one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ondevice import files, records
from ondevice.errors import UsageError
from ondevice.pipeline.sweep_compare import compare
from ondevice.pipeline.sweep_results import REPORT_FILE
from ondevice.reporting.sweep.record import Sweep
from ondevice.reporting.sweep.users import read_users, write_users
from ondevice.versions import all_of, now

SAME = ("task", "dataset", "dataset_summary", "metric", "baseline", "protocol", "refused")
"""What sweeps must have in common: their figures would not be comparable without it.

Models need not be the same: each is compared with the full table of the seeds that it has."""


def join(folders: Sequence[Path | str], out: Path | str, *, command: str = "ondevice join") -> Sweep:
    """Write one report of several sweeps, as if one had trained all seeds.

    Args:
        folders: folders of the sweeps.
        out: folder to write.
        command: command to name in the report, behind those of the sweeps.

    Raises:
        UsageError: a file is missing, `out` exists, or the sweeps share a seed or differ in more than seeds.
        OnDeviceError: a file is damaged.
    """
    from ondevice.reporting.sweep.write import write_sweep

    places = [Path(folder) for folder in folders]
    parts = [records.read(Sweep, place / REPORT_FILE, "sweep") for place in places]
    _check(places, parts)
    values = [row for place, part in zip(places, parts, strict=True) for row in read_users(place, part)]
    trials = tuple(trial for part in parts for trial in part.trials)
    protocol = parts[0].protocol
    if any(trial.setting for trial in trials):
        protocol += (f"Each of {len(parts)} sweeps that were joined chose settings with a first seed of its own.",)
    joined = dataclasses.replace(
        parts[0],
        command="; ".join([*dict.fromkeys(part.command for part in parts), command]),
        created=now(),
        machine=all_of([part.machine for part in parts]),
        versions=all_of([part.versions for part in parts]),
        protocol=protocol,
        trials=trials,
        comparisons=compare(trials, values, parts[0].baseline),
        missing=sum(part.missing for part in parts),
    )
    with files.new_folder(Path(out)) as folder:
        write_users(trials, values, folder)
        write_sweep(joined, folder)
    return joined


def _check(places: Sequence[Path], parts: Sequence[Sweep]) -> None:
    """Refuse sweeps that don't fit together."""
    if len(parts) < 2:
        raise UsageError(f"sweeps has {len(parts)}; allowed are two or more.")
    place_of: dict[int, Path] = {}
    for place, part in zip(places, parts, strict=True):
        for field in SAME:
            if getattr(part, field) != getattr(parts[0], field):
                raise UsageError(
                    f"sweep {str(place)!r} has another {field} than {str(places[0])!r}; allowed are other seeds only."
                )
        for seed in dict.fromkeys(trial.seed for trial in part.trials):
            if seed in place_of:
                raise UsageError(
                    f"seed {seed} is in sweep {str(place_of[seed])!r} and in {str(place)!r}; allowed is one of them."
                )
            place_of[seed] = place
