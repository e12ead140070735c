"""The interface of every device: run a `.tflite` file with a real runtime and bring back outputs and cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from ondevice.devices.measurement import Measurement
from ondevice.manifest import Tensor
from ondevice.registry import Registry


@dataclass(frozen=True)
class RowDigests:
    """What comes back in place of outputs that are only compared: a SHA-256 of so many consecutive rows each.

    Rows are along the last axis of an output, those of all inferences in order; see `ondevice.devices.runner.RowHash`.

    Args:
        rows: how many rows of each output count, from the first, by its name; those behind are answers to padding.
        per_digest: rows per digest.
    """

    rows: Mapping[str, int]
    per_digest: int


@dataclass(frozen=True)
class Job:
    """One file to run on one runtime.

    Args:
        model: path of the `.tflite` file.
        runtime: name of the runtime, e.g. `"tflite-2.14"`.
        signature: name of the signature to call.
        inputs: arrays by input name, one inference per leading index: `[inferences, *shape of the input]`.
        warmups: inferences that are run first on the first input and timed apart.
        repeats: timed inferences, cycling through the inputs, beside the one inference per input whose
            outputs are kept; a job without any may run beside others.
        digests: what comes back in place of the outputs; the outputs themselves without it.
        timeout_s: seconds of the host's clock after which the run is stopped and reported as timed out.
    """

    model: Path
    runtime: str
    signature: str
    inputs: Mapping[str, npt.NDArray[np.generic]]
    warmups: int = 5
    repeats: int = 0
    digests: RowDigests | None = None
    timeout_s: float = 600.0


@dataclass(frozen=True)
class Outcome:
    """What a job gave. When the measurement is not ok, the other fields are empty.

    Args:
        measurement: cost and fate.
        inputs: the signature's inputs as the runtime reports them.
        outputs_spec: the signature's outputs as the runtime reports them.
        outputs: arrays by output name, `[inferences, *shape of the output]`.
        digests: of a job that asks for digests, these in place of the arrays.
    """

    measurement: Measurement
    inputs: tuple[Tensor, ...] = ()
    outputs_spec: tuple[Tensor, ...] = ()
    outputs: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Device(ABC):
    """A place where runtimes run; each kind is one file in `kinds/`, each device of a kind one file in `profiles/`.

    Args:
        name: name of the device; of the profile, where it has one.
    """

    name: str

    users: ClassVar[int | None] = None
    """Evaluation users that are enough where nobody says how many; None for all."""

    timed: ClassVar[int] = 200
    """Timed inferences of a validation."""

    @abstractmethod
    def runtimes(self) -> list[str]:
        """Name the runtimes that this device offers, installed or not."""

    def installed(self) -> list[str]:
        """Name the runtimes that are there to be used."""
        return [] if self.missing() else self.runtimes()

    @abstractmethod
    def missing(self) -> str:
        """Say in one sentence what keeps the device from being used and what to do about it; empty if nothing does."""

    @abstractmethod
    def machine(self) -> dict[str, str]:
        """Describe what runs the files: system, processor, cores and whatever else its figures depend on."""

    def run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs, each in a process of its own, and return their outcomes in order.

        A refusal, crash or time-out is an `Outcome`, not an exception, and so is a device that is missing.

        Raises:
            UsageError: a runtime's name is unknown, a model does not exist, or a job contradicts itself.
            OnDeviceError: what the device starts from was changed, or its disk can't be made.
        """
        from ondevice.devices.job_folder import check_job, failed

        for job in jobs:
            check_job(job, self.runtimes())
        if reason := self.missing():
            return [failed(job, self.name, "", "missing", reason) for job in jobs]
        return self._run_all(jobs)

    @abstractmethod
    def _run_all(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Run jobs that are right on a device that is there."""

    def run(self, job: Job) -> Outcome:
        """Run one job; see `run_all`."""
        return self.run_all([job])[0]


registry: Registry[Device] = Registry("device", "ondevice.devices.kinds", Device)
