"""The plan of a sweep: which models are trained with which settings, and the folder each one lies in."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ondevice import files, records
from ondevice import task as tasks
from ondevice.data.labelled import DATA_SETTINGS
from ondevice.embeddings.method import FULL, require
from ondevice.errors import UsageError
from ondevice.ids import RESERVED_IDS
from ondevice.pipeline.sweep_known import Setting, run_folder, validation_of
from ondevice.pipeline.train import configure, parse_options

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData
    from ondevice.reporting.sweep.record import Refused
    from ondevice.training.config import TrainConfig

PLAN_FILE = "sweep-plan.json"
FULL_ORDER = "as_given"
WARM = "+warm"


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep trains, kept in its folder so that the same request resumes it.

    Args:
        dataset: name of the data set.
        data: path of its files, empty for a generated one.
        methods: methods to compare with the full table, each with options behind colons, e.g.
            `"quotient_remainder:operation=add"`; `width` is an option too and keeps the bytes of the ratio.
        ratios: parameters of the full table over parameters stored.
        orders: id orders, each for every method to which the order makes a difference.
        seeds: seeds; the settings are chosen with the first one.
        warm: methods that are trained once more with a warm start from the full table of the same seed.
        search: values to choose from by setting; every combination is tried for the full table, and for every method,
            order and ratio alike, and the one with the best validation metric is kept.
        settings: training settings that differ from the data set's.
    """

    dataset: str
    data: str
    methods: tuple[str, ...]
    ratios: tuple[float, ...]
    orders: tuple[str, ...]
    seeds: tuple[int, ...]
    warm: tuple[str, ...]
    search: dict[str, tuple[int | float | str, ...]]
    settings: dict[str, int | float | str | bool]

    def candidates(self) -> list[Setting]:
        """Return every combination of the values to choose from; a single empty one where there are none."""
        return [dict(zip(self.search, values, strict=True)) for values in itertools.product(*self.search.values())]

    @property
    def trainings(self) -> int:
        """How often each model is trained: with every candidate for the first seed, with the best one for the rest."""
        return len(self.candidates()) + len(self.seeds) - 1


@dataclass(frozen=True)
class Cell:
    """One model of a sweep, for all seeds and candidate settings.

    Args:
        method: the method with its options, as in the plan.
        order: name of the id order.
        ratio: ratio asked for.
        warm: whether it starts from the full table.
    """

    method: str
    order: str
    ratio: float
    warm: bool = False

    @property
    def variant(self) -> str:
        """Name of the model, e.g. `"memcom@semantic+warm"`."""
        return f"{self.method}@{self.order}{WARM if self.warm else ''}"


FULL_CELL = Cell(FULL, FULL_ORDER, 1.0)


def cells(plan: SweepPlan, split_data: SplitData) -> tuple[list[Cell], list[Refused]]:
    """Return every model of the plan, the full table first, and those that can't be made.

    A method that needs a certain order is trained in that one only, one to which ids are all alike only as given.

    Args:
        plan: the plan.
        split_data: the data set.
    """
    from ondevice.reporting.sweep.record import Refused
    from ondevice.training.choose import counts_of, make_method

    counts = counts_of(split_data)
    full_width = config_of(plan, Path(), FULL_CELL, {}, plan.seeds[0]).width
    found: list[Cell] = [FULL_CELL]
    refused: list[Refused] = []
    for ratio, method in itertools.product(plan.ratios, plan.methods):
        orders: list[str] = []
        for order in plan.orders:
            config = config_of(plan, Path(), Cell(method, order, ratio), {}, plan.seeds[0])
            try:
                made = make_method(config, split_data.items + RESERVED_IDS, counts)
            except UsageError as error:
                refused.append(Refused(method, ratio, str(error)))
                break
            orders.append(made.needs_order or (order if made.order_matters else FULL_ORDER))
        found.extend(Cell(method, order, ratio) for order in dict.fromkeys(orders))
        if not orders or method not in plan.warm:
            continue
        if made.output_width == full_width:
            found.extend(Cell(method, order, ratio, warm=True) for order in dict.fromkeys(orders))
        else:
            widths = f"vectors of width {made.output_width} can't start from those of the full table, {full_width}"
            refused.append(Refused(f"{method}{WARM}", ratio, f"{widths}."))
    return found, refused


def parse_method(word: str) -> tuple[str, dict[str, Any], int | None]:
    """Split `METHOD[:NAME=VALUE...]` into name, options and the width, if one is given.

    Raises:
        UsageError: it is not of this form.
    """
    name, *pairs = word.split(":")
    options = parse_options(pairs)
    width = options.pop("width", None)
    if width is not None and (type(width) is not int or width < 1):
        raise UsageError(f"width of {word!r} is {width!r}; allowed is a whole number of at least 1.")
    return name, options, width


def place(folder: Path, cell: Cell, setting: Setting, seed: int) -> Path:
    """Return the run folder of one training."""
    return run_folder(folder, cell.variant, cell.ratio, setting, seed)


def best_setting(plan: SweepPlan, folder: Path, cell: Cell) -> Setting:
    """Return the candidate with the best validation metric of the first seed.

    Args:
        plan: the plan.
        folder: folder of the sweep; every candidate is known.
        cell: the model.
    """
    candidates = plan.candidates()
    if len(candidates) == 1:
        return candidates[0]
    return max(candidates, key=lambda setting: validation_of(place(folder, cell, setting, plan.seeds[0]), folder))


def config_of(plan: SweepPlan, folder: Path, cell: Cell, setting: Setting, seed: int) -> TrainConfig:
    """Build the settings of one training.

    Args:
        plan: the plan.
        folder: folder of the sweep.
        cell: the model.
        setting: the candidate's settings.
        seed: the seed.

    Raises:
        UsageError: a name is unknown or a value is out of range.
    """
    name, options, width = parse_method(cell.method)
    settings = {**plan.settings, **setting}
    path = Path(plan.data) if plan.data else None
    config = configure(plan.dataset, path, name, cell.order, cell.ratio, seed, options, settings)
    if width is not None:
        # The ratio stays that of bytes: to the full table of the width that all the others have.
        config = replace(config, width=width, ratio=cell.ratio * width / config.width)
    if cell.warm:
        teacher = place(folder, FULL_CELL, best_setting(plan, folder, FULL_CELL), seed)
        config = replace(config, teacher=str(teacher), warm_start=True)
    return config


def check_lengths(plan: SweepPlan, split_data: SplitData) -> None:
    """Check that every history of the plan leaves enough to answer with.

    Raises:
        UsageError: one does not.
    """

    for setting in plan.candidates():
        length = config_of(plan, Path(), FULL_CELL, setting, plan.seeds[0]).history_length
        tasks.load(split_data.task).require_length(length, split_data.items)


def check(plan: SweepPlan) -> None:
    """Check everything that can be checked without the data.

    Raises:
        UsageError: a name is unknown or a value is out of range.
    """
    fields: dict[str, tuple[Any, ...]] = {
        "methods": plan.methods, "ratios": plan.ratios, "orders": plan.orders, "seeds": plan.seeds,
    }  # fmt: skip
    for field, values in {**fields, **{f"values of {name}": found for name, found in plan.search.items()}}.items():
        if not values or len(set(values)) != len(values):
            raise UsageError(f"{field} is {list(values)}; allowed is one or more, each once.")
    for name in DATA_SETTINGS:
        if name in plan.search:
            raise UsageError(f"{name} is to be searched; allowed is one value for all models, which need equal ids.")
    if "width" in plan.search and plan.warm:
        raise UsageError("width is to be searched; allowed is one value beside a warm start, which needs equal widths.")
    for ratio in plan.ratios:
        require("ratio", ratio, ratio >= 1 and math.isfinite(ratio), "a number of at least 1")
    for method in plan.warm:
        if method not in plan.methods:
            raise UsageError(f"warm start is asked for {method!r}; allowed is one of {', '.join(plan.methods)}.")
    if FULL in plan.methods:
        raise UsageError("methods has 'full'; the full table is trained in any case and is what all are compared with.")
    for method, order in itertools.product((FULL, *plan.methods), plan.orders):
        for ratio, setting in itertools.product(plan.ratios, plan.candidates()):
            config_of(plan, Path(), Cell(method, order, ratio), setting, plan.seeds[0])


def claim(folder: Path, plan: SweepPlan, reported: bool = False) -> None:
    """Start a sweep's folder, or go on with one that the same plan began.

    Args:
        folder: folder of the sweep.
        plan: the plan.
        reported: whether the folder holds nothing but a report that the plan goes on from.

    Raises:
        UsageError: the folder is taken by something else.
    """
    path = folder / PLAN_FILE
    if folder.exists() and not path.is_file() and not reported:
        files.refuse_existing(folder)
    if path.is_file() and records.read(SweepPlan, path, "sweep plan") != plan:
        raise UsageError(f"output {str(folder)!r} holds a sweep of another request; see its {PLAN_FILE}.")
    records.write(path, plan)
