"""The interface of every device: run a `.tflite` file with a real runtime and bring back outputs and cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ondevice.bundle import Tensor
from ondevice.devices.measurement import Measurement
from ondevice.registry import Registry


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
            outputs are kept.
        taps: names of inner tensors whose values are wanted as well; with taps the runtime uses its builtin
            kernels only, keeps all tensors and repeats must be 0.
        timeout_s: seconds after which the run is stopped and reported as timed out.
    """

    model: Path
    runtime: str
    signature: str
    inputs: Mapping[str, npt.NDArray[np.generic]]
    warmups: int = 5
    repeats: int = 0
    taps: tuple[str, ...] = ()
    timeout_s: float = 600.0


@dataclass(frozen=True)
class Outcome:
    """What a job gave. When the measurement is not ok, the other fields are empty.

    Args:
        measurement: cost and fate.
        inputs: the signature's inputs as the runtime reports them.
        outputs_spec: the signature's outputs as the runtime reports them.
        outputs: arrays by output name, `[inferences, *shape of the output]`.
        taps: arrays by tensor name, `[inferences, *shape of the tensor]`.
    """

    measurement: Measurement
    inputs: tuple[Tensor, ...] = ()
    outputs_spec: tuple[Tensor, ...] = ()
    outputs: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    taps: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)


class Device(ABC):
    """A place where runtimes run; a member of the family is one file in `kinds/`."""

    name: str

    @abstractmethod
    def runtimes(self) -> list[str]:
        """Name the runtimes that this device offers, installed or not."""

    @abstractmethod
    def installed(self) -> list[str]:
        """Name the runtimes that are there to be used."""

    @abstractmethod
    def run(self, job: Job) -> Outcome:
        """Run a job. A refusal, crash or time-out of the runtime is an `Outcome`, not an exception.

        Raises:
            UsageError: the runtime's name is unknown, or the model does not exist.
        """


registry: Registry[Device] = Registry("device", "ondevice.devices.kinds", Device)  # type: ignore[type-abstract]
