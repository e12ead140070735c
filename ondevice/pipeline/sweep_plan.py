"""The plan of a sweep: which models are trained with which settings, and the folder each one lies in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ondevice.data.labelled import DATA_SETTINGS
from ondevice.embeddings.method import FULL, registry
from ondevice.errors import UsageError
from ondevice.pipeline.grid import Grid, require_each_once
from ondevice.pipeline.train import configure, parse_options
from ondevice.reporting.sweep.record import Refused, Setting, Training
from ondevice.training.config import check_setting
from ondevice.units import format_setting

if TYPE_CHECKING:
    from ondevice.data.split_data import SplitData
    from ondevice.training.config import TrainConfig

FULL_ORDER = "as_given"
WARM = "+warm"
UNTUNED = "default"


@dataclass(frozen=True)
class SweepPlan(Grid):
    """What a sweep trains, kept in its folder so that the same request resumes it.

    Args:
        dataset: name of the data set.
        data: path of its files, empty for a generated one.
        methods: methods to compare with the full table, each with options behind colons, e.g.
            `"quotient_remainder:operation=add"`; `width` is an option too and keeps the bytes of the ratio; all without
            any.
        ratios: parameters of the full table over parameters stored.
        orders: id orders, each for every method to which the order makes a difference.
        seeds: seeds; the settings are chosen with the first one.
        warm: methods that are trained once more with a warm start from the full table of the same seed.
        search: values to choose from by setting; every combination is tried for the full table, and for every method,
            order and ratio alike, and the one with the best validation metric is kept.
        settings: training settings that differ from the data set's.
    """

    kind: ClassVar[str] = "a sweep"
    file: ClassVar[str] = "sweep-plan.json"

    dataset: str = "synthetic"
    data: str = ""
    methods: tuple[str, ...] = tuple(name for name in registry.names() if name != FULL)
    ratios: tuple[float, ...] = (4.0, 16.0, 40.0)
    orders: tuple[str, ...] = ("random", "semantic")
    seeds: tuple[int, ...] = (0, 1, 2)
    warm: tuple[str, ...] = ()
    search: dict[str, tuple[int | float | str, ...]] = field(default_factory=dict)
    settings: dict[str, int | float | str | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "search", {name: tuple(values) for name, values in self.search.items()})

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

    def training(self, setting: Setting, seed: int) -> Training:
        """Return what is trained with a setting and a seed."""
        return Training(self.variant, self.ratio, seed, setting)


FULL_CELL = Cell(FULL, FULL_ORDER, 1.0)


def cells(plan: SweepPlan, split_data: SplitData) -> tuple[list[Cell], list[Refused]]:
    """Return every model of the plan, the full table first, and those that can't be made.

    A method that needs a certain order is trained in that one only, one to which ids are all alike only as given.

    Args:
        plan: the plan.
        split_data: the data set.
    """
    from ondevice.training.choose import counts_of, method_options

    counts = counts_of(split_data)
    full_width = config_of(plan, FULL_CELL, {}, plan.seeds[0]).width
    found: list[Cell] = [FULL_CELL]
    refused: list[Refused] = []
    for ratio, method in itertools.product(plan.ratios, plan.methods):
        orders: list[str] = []
        for order in plan.orders:
            config = config_of(plan, Cell(method, order, ratio), {}, plan.seeds[0])
            try:
                options = method_options(config, counts)
                made = registry.load(config.method).for_ratio(len(counts), config.width, config.ratio, **options)
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


def place(folder: Path, cell: Cell, setting: Setting, seed: int) -> Path:
    """Return the run folder of one training."""
    label = ",".join(f"{name}={format_setting(value)}" for name, value in setting.items()) or UNTUNED
    return folder / cell.variant / f"{cell.ratio:g}x" / label / f"seed-{seed}"


def config_of(plan: SweepPlan, cell: Cell, setting: Setting, seed: int, teacher: Path | None = None) -> TrainConfig:
    """Build the settings of one training.

    Args:
        plan: the plan.
        cell: the model.
        setting: the candidate's settings.
        seed: the seed.
        teacher: run folder of the full table that it starts from, if it does.

    Raises:
        UsageError: a name is unknown or a value is out of range.
    """
    name, *pairs = cell.method.split(":")
    options: dict[str, Any] = parse_options(pairs)
    width = options.pop("width", None)
    given: dict[str, Any] = {**plan.settings, **setting, "method": name, "order": cell.order, "options": options}
    config = configure(plan.dataset, plan.data, ratio=cell.ratio, seed=seed, **given)
    if width is not None:
        # The ratio stays that of bytes: to the full table of the width that all the others have.
        usual, config = config.width, replace(config, width=width)
        config = replace(config, ratio=cell.ratio * config.width / usual)
    return config if teacher is None else replace(config, teacher=str(teacher), warm_start=True)


def check(plan: SweepPlan) -> None:
    """Check everything that can be checked without the data.

    Raises:
        UsageError: a name is unknown or a value is out of range.
    """
    for name in ("methods", "ratios", "orders", "seeds"):
        require_each_once(name, getattr(plan, name))
    for name, values in plan.search.items():
        require_each_once(f"values of {name}", values)
    for name in (*plan.settings, *plan.search):
        check_setting(name)
        if name in DATA_SETTINGS and name in plan.search:
            raise UsageError(f"{name} is to be searched; allowed is one value for all models, which need equal ids.")
    if "width" in plan.search and plan.warm:
        raise UsageError("width is to be searched; allowed is one value beside a warm start, which needs equal widths.")
    for method in plan.warm:
        if method not in plan.methods:
            raise UsageError(f"warm start is asked for {method!r}; allowed is one of {', '.join(plan.methods)}.")
    if FULL in plan.methods:
        raise UsageError("methods has 'full'; the full table is trained in any case and is what all are compared with.")
    for method, order in itertools.product((FULL, *plan.methods), plan.orders):
        for ratio, setting in itertools.product(plan.ratios, plan.candidates()):
            config_of(plan, Cell(method, order, ratio), setting, plan.seeds[0])
