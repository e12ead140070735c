"""From the raw trials of a sweep to rows: one per model and ratio, means and spreads over seeds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from ondevice import task as tasks
from ondevice.reporting.columns import TEXT, WIDE, Column, format_metric, format_spread, or_absent
from ondevice.reporting.popularity import MEANINGS, explained
from ondevice.reporting.summary import Spread, spread
from ondevice.reporting.sweep.record import Comparison, Sweep, Trial
from ondevice.units import format_bytes, format_percent, format_ratio, format_setting


@dataclass(frozen=True)
class SweepRow:
    """One model at one ratio.

    Args:
        variant: name of the model.
        ratio: ratio asked for.
        trials: the trainings with the kept setting, one per seed.
        comparison: against the full table; absent for the full table itself.
    """

    variant: str
    ratio: float
    trials: tuple[Trial, ...]
    comparison: Comparison | None

    def spread(self, metric: str) -> Spread:
        """Mean and deviation of a test metric over seeds."""
        found = spread(trial.test[metric] for trial in self.trials)
        assert found is not None, "a row has trials"
        return found


def sweep_rows(sweep: Sweep) -> tuple[SweepRow, ...]:
    """Return the full table, then by ratio the models, the best of each ratio first."""
    groups: dict[tuple[float, str], list[Trial]] = {}
    for trial in sweep.trials:
        if trial.chosen:
            groups.setdefault((trial.ratio, trial.variant), []).append(trial)
    compared = {(each.ratio, each.variant): each for each in sweep.comparisons}
    rows = [SweepRow(key[1], key[0], tuple(trials), compared.get(key)) for key, trials in groups.items()]
    return tuple(sorted(rows, key=lambda row: (row.ratio, -row.spread(sweep.metric).mean)))


def sweep_columns(sweep: Sweep) -> tuple[Column[SweepRow], ...]:
    """Return the columns of the table, one row per model and ratio."""
    task = tasks.load(sweep.task)
    searched = list(dict.fromkeys(name for trial in sweep.trials for name in trial.setting))
    return (
        Column("asked", lambda row: format_ratio(row.ratio), "float32 bytes of the full table over those kept"),
        Column("model", lambda row: row.variant, kind=TEXT),
        Column(
            sweep.metric,
            lambda row: format_spread(row.spread(sweep.metric)),
            f"mean over seeds on the test {task.items if task.top_k else task.examples}, ± sample standard deviation",
        ),
        Column("change", _change, f"relative to {sweep.baseline} with the same seeds"),
        Column(
            "95 %",
            lambda row: or_absent(row.comparison, _interval),
            f"confidence interval of the change, from the spread over {task.examples}, each {task.example}'s metric "
            "averaged over seeds",
        ),
        Column(
            "p",
            lambda row: or_absent(row.comparison, lambda found: _p_value(found.p_value)),
            f"paired t-test over {task.examples} against the full table",
            from_width=WIDE,
        ),
        Column("seeds", lambda row: str(len(row.trials))),
        Column("reached", lambda row: format_ratio(statistics.fmean(t.reached for t in row.trials))),
        Column("float32", lambda row: format_bytes(row.trials[0].table_bytes["float32"]), from_width=WIDE),
        Column("int8", lambda row: format_bytes(row.trials[0].table_bytes["int8"]), from_width=WIDE),
        *map(_setting_column, searched),
        *(_popularity_column(sweep, name) for name in MEANINGS if any(_classed(sweep, t, name) for t in sweep.trials)),
        Column(
            "seconds",
            lambda row: f"{statistics.fmean(t.seconds for t in row.trials):.0f}",
            "mean per training",
            from_width=WIDE,
        ),
    )


def _setting_column(name: str) -> Column[SweepRow]:
    # Sweeps that were joined may have chosen different ones.
    return Column(
        name.replace("_", " "),
        lambda row: " / ".join(dict.fromkeys(format_setting(trial.setting[name]) for trial in row.trials)),
    )


def _popularity_column(sweep: Sweep, name: str) -> Column[SweepRow]:
    sizes = (trial.by_popularity[name] for trial in sweep.trials if _classed(sweep, trial, name))

    def cell(row: SweepRow) -> str:
        found = spread(t.by_popularity[name][sweep.metric] for t in row.trials if _classed(sweep, t, name))
        return or_absent(found, lambda value: format_metric(value.mean))

    return Column(name, cell, explained(name, sweep.metric, sizes), from_width=WIDE)


def _classed(sweep: Sweep, trial: Trial, name: str) -> bool:
    """Tell whether a training has the metric of a class of items: where nobody has a right answer in it, none is."""
    return sweep.metric in trial.by_popularity.get(name, {})


def conclusion(sweep: Sweep) -> str:
    """Say in one sentence which model lost least at each ratio."""
    rows = sweep_rows(sweep)
    # The best of a ratio comes first.
    best = {row.ratio: row for row in reversed(rows) if row.comparison is not None}
    if not best:
        return "No model is trained yet besides the full table."
    found = [f"{row.variant} at {format_ratio(ratio)} ({_change(row)})" for ratio, row in sorted(best.items())]
    baseline = next((row for row in rows if row.variant == sweep.baseline), None)
    full = f" against {format_metric(baseline.spread(sweep.metric).mean)} of the full table" if baseline else ""
    return f"Least lost in {sweep.metric}{full}: {', '.join(found)}."


def _change(row: SweepRow) -> str:
    return or_absent(row.comparison, lambda found: format_percent(found.change))


def _interval(found: Comparison) -> str:
    return f"{format_percent(found.low)} to {format_percent(found.high)}"


def _p_value(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
