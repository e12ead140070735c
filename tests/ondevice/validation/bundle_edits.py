"""Ways to break a bundle, and a device that remembers what it was asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from ondevice import bundle as bundles
from ondevice.bundle import open_bundle
from ondevice.devices.device import Job, Outcome
from ondevice.devices.kinds.host import Host
from ondevice.pipeline.validate import validate_run
from tests.known_bad.good_bundles import reseal

__all__ = ["Recording", "constant", "edit_model", "failures_of", "promise_lookups", "reseal"]


def promise_lookups(folder: Path, **changes: object) -> None:
    """Let the manifest promise other look-ups of the only layer."""
    [embedding] = open_bundle(folder).manifest.embeddings
    lookup = dataclasses.replace(embedding.lookup, **changes)
    reseal(folder, embeddings=(dataclasses.replace(embedding, lookup=lookup),))


def edit_model(folder: Path, change) -> None:
    """Change the model through its object form and write it back."""
    path = folder / bundles.MODEL_FILE
    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    change(model)
    builder = Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def constant(model, data: bytes) -> object:
    return next(buffer for buffer in model.buffers if buffer.data is not None and bytes(buffer.data) == data)


def failures_of(folder: Path, run=None, **options) -> set[str]:
    validation = validate_run(folder, run.folder if run else None, **options)
    assert not validation.valid
    return {failure.check for result in validation.results for failure in result.failures}


@dataclasses.dataclass(frozen=True)
class Recording(Host):
    """The host, which remembers its jobs and may change what becomes of them."""

    calls: list[Sequence[Job]] = dataclasses.field(default_factory=list)
    given: list[list[Outcome]] = dataclasses.field(default_factory=list)
    changes: dict = dataclasses.field(default_factory=dict)
    broken: str = ""
    users: ClassVar[int | None] = 7
    timed: ClassVar[int] = 3

    def run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        self.calls.append(jobs)
        self.given.append(super().run_all(jobs))
        return [self.changed(job, outcome) for job, outcome in zip(jobs, self.given[-1], strict=True)]

    def changed(self, job: Job, outcome: Outcome) -> Outcome:
        failed = {"status": "out of memory", "message": "killed"} if job.model.name == self.broken else {}
        measurement = dataclasses.replace(outcome.measurement, **self.changes, **failed)
        return dataclasses.replace(outcome, measurement=measurement)
