"""What `compress` did to each table, for people and for programs."""

from __future__ import annotations

from dataclasses import dataclass

from ondevice.encoding_error import WorstId
from ondevice.units import counted, format_bytes, format_share


@dataclass(frozen=True)
class TableReport:
    """What became of one table.

    Args:
        name: the layer's name.
        rows: ids.
        width: numbers per vector.
        before: bytes as float32.
        after: bytes of what is stored, encoded by the recipe of the report, its order included where a file holds it.
        method: name of the method; `"keep"` where the table stays.
        order: the id order, and where it is.
        error: squared error of the vectors, weighted by use, as a share of the squared vectors; None before a fit.
        worst: ids in use whose vectors changed most.
        note: why it stays, or what there is to know.
    """

    name: str
    rows: int
    width: int
    before: int
    after: int
    method: str
    order: str = ""
    error: float | None = None
    worst: tuple[WorstId, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class CompressionReport:
    """What became of all tables of a model.

    Args:
        tables: one record per table.
        recipe: the recipe that bytes are counted in.
        notes: what is left to do, one sentence each.
    """

    tables: tuple[TableReport, ...]
    recipe: str
    notes: tuple[str, ...] = ()

    @property
    def before(self) -> int:
        """Bytes of all tables as float32."""
        return sum(table.before for table in self.tables)

    @property
    def after(self) -> int:
        """Bytes of all tables, encoded."""
        return sum(table.after for table in self.tables)

    def __str__(self) -> str:
        lines = []
        for each in self.tables:
            lines.append(f"{each.name}: {each.rows:,} x {each.width}, {format_bytes(each.before)} as float32")
            what = f"{each.method}, " if each.method != "keep" else "stays, "
            error = f", {format_share(each.error)} of the squares lost" if each.error is not None else ""
            order = f", order {each.order}" if each.order else ""
            lines.append(f"  {what}{format_bytes(each.after)} as {self.recipe}{order}{error}")
            if each.worst:
                worst = ", ".join(f"{key.key} ({key.cosine:.2f})" for key in each.worst)
                lines.append(f"  least alike, by cosine: {worst}")
            if each.note:
                lines.append(f"  {each.note}")
        total = f"{format_bytes(self.before)} as float32, {format_bytes(self.after)} as {self.recipe}"
        lines.append(f"{counted(len(self.tables), 'table')}: {total}")
        return "\n".join([*lines, *self.notes])
