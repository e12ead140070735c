"""Where the files of a report ran, and what the figures measured there are."""

from __future__ import annotations

from ondevice.devices.measurement import Measurement
from ondevice.reporting.record import Report

HOST = "host"


def device_statements(report: Report) -> tuple[str, ...]:
    """Say for each device which runtimes ran how many of the files, and what its figures are."""
    places: dict[tuple[str, str], list[Measurement]] = {}
    for model in report.models:
        for validation in model.validations:
            place = places.setdefault((validation.device, describe_machine(validation.machine)), [])
            place += [result.measurement for result in validation.results]
    if not any(measurement.ok for found in places.values() for measurement in found):
        return ("No runtime ran a file: there are no times and no memory figures.",)
    return tuple(
        f"{device} ({machine}): {_what_ran(found, len(report.models))}.{_what_it_is(device, found)}"
        for (device, machine), found in places.items()
    )


def describe_machine(machine: dict[str, str]) -> str:
    """Describe a machine in one line, e.g. `'AMD EPYC, Linux x86_64, 2 cores'`."""
    known = [machine.get("processor", ""), machine.get("system", "")]
    if "cores" in machine:
        known.append(f"{machine['cores']} core{'' if machine['cores'] == '1' else 's'}")
    rest = [f"{key} {value}" for key, value in sorted(machine.items()) if key not in ("processor", "system", "cores")]
    return ", ".join(part for part in (*known, *rest) if part) or "a machine that was not recorded"


def _what_ran(measurements: list[Measurement], files: int) -> str:
    ran: dict[str, int] = {}
    for measurement in measurements:
        ran[measurement.runtime] = ran.get(measurement.runtime, 0) + measurement.ok
    each = [f"{runtime} ran {count or 'none'}" for runtime, count in ran.items()] or ["no runtime was tried"]
    return f"of {files} file{'' if files == 1 else 's'}, {', '.join(each)}"


def _what_it_is(device: str, measurements: list[Measurement]) -> str:
    ran = [measurement for measurement in measurements if measurement.ok]
    if not ran:
        return ""
    threads = {measurement.threads for measurement in ran}
    number = " or ".join(str(count) for count in sorted(threads))
    with_threads = "one thread" if threads == {1} else f"{number} threads"
    if {measurement.clock for measurement in ran} == {"instructions"}:
        features = " ".join(sorted({feature for measurement in ran for feature in measurement.cpu_features}))
        return (
            f" Its processor offers {features or 'nothing that it tells'}. One executed instruction is counted as one "
            f"there, {with_threads}: these are instruction counts of an emulated processor, not phone milliseconds; "
            "they know no caches, memory bandwidth or pipelines. Memory is what its system counted."
        )
    if device == HOST:
        return (
            f" Latency, load time and memory there are those of the host's CPU, {with_threads}; they are not phone "
            "milliseconds."
        )
    return (
        f" Latency, load time and memory were measured there, {with_threads}; if that device is emulated, its times "
        "compare files with each other and are not phone milliseconds."
    )
