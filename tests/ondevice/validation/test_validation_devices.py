"""What a device is asked, what its figures mean for the verdict, and how the command tells them."""

from __future__ import annotations

import dataclasses
import re

from ondevice.cli.main import main
from ondevice.devices.device import Job
from ondevice.pipeline.validate import validate_run
from ondevice.validation.quality import choose_users
from ondevice.validation.record import Failure
from tests.ondevice.validation.bundle_edits import Recording


def calls_of(job: Job) -> int:
    """Return how often a job's file is called with other inputs."""
    [count] = {len(values) for values in job.inputs.values()}
    return count


def test_device_gets_all_jobs_at_once_and_says_how_much_is_enough(good, tmp_path, monkeypatch) -> None:
    bundle, run = good
    device = Recording()
    monkeypatch.setattr("ondevice.devices.profile.open_device", lambda name: device)
    validation = validate_run(bundle.folder, run.folder, out=tmp_path / "verdict.json")
    [jobs] = device.calls
    assert [job.runtime for job in jobs] == ["tflite-2.14"] * 2 + ["litert"] * 2
    counts = [(calls_of(job), job.warmups, job.repeats) for job in jobs]
    assert counts == [(7 + len(bundle.vectors.vectors), 10, 3), (7, 0, 0)] * 2
    assert [job.model == bundle.model for job in jobs] == [True, False] * 2
    # The timed inferences begin with the first: those of real users.
    asked = jobs[0].inputs["ids"][:7, 0]
    assert (asked == choose_users(run.evaluation(), 7, "ndcg@20").histories).all()
    assert [result.quality.users for result in validation.results] == [7, 7]
    assert [len(result.measurement.run_ns) for result in validation.results] == [3, 3]

    validate_run(bundle.folder, run.folder, users=5, runtimes=["litert"], out=tmp_path / "verdict.json")
    assert [calls_of(job) for job in device.calls[1]] == [5 + len(bundle.vectors.vectors), 7]
    validate_run(bundle.folder, runtimes=["litert"], out=tmp_path / "verdict.json")
    assert [(calls_of(job), job.repeats) for job in device.calls[2]] == [
        (len(bundle.vectors.vectors), 3),
        (7, 0),
    ]


def test_look_ups_that_do_not_run_are_a_failure_of_the_runtime(good, tmp_path, monkeypatch) -> None:
    device = Recording(broken="lookups-0.tflite")
    monkeypatch.setattr("ondevice.devices.profile.open_device", lambda name: device)
    [result] = validate_run(good[0].folder, runtimes=["litert"], out=tmp_path / "verdict.json").results
    assert result.failures == (Failure("runtime", "litert out of memory: killed"),)
    assert result.measurement.ok


def test_a_missing_runtime_is_a_failure_and_not_left_out(good, tmp_path, monkeypatch) -> None:
    from ondevice.devices.kinds import host

    monkeypatch.setattr(host, "installed_version", lambda runtime: None)
    validation = validate_run(good[0].folder, good[1].folder, out=tmp_path / "verdict.json")
    assert [result.measurement.status for result in validation.results] == ["missing", "missing"]
    assert not validation.valid
    for result in validation.results:
        assert [failure.check for failure in result.failures] == ["runtime"], "once, though no job could run"


def test_memory_beyond_the_budget_is_a_failure(good, tmp_path, monkeypatch) -> None:
    device = Recording(changes={"memory_growth_bytes": 12_340_000})
    monkeypatch.setattr("ondevice.devices.profile.open_device", lambda name: device)
    how = {"runtimes": ["litert"], "out": tmp_path / "verdict.json"}
    [result] = validate_run(good[0].folder, max_memory=12, **how).results
    assert result.failures == (Failure("memory", "memory grows by 12.3 MB; 12.0 MB is allowed."),)
    assert validate_run(good[0].folder, max_memory=12.34, **how).valid
    assert validate_run(good[0].folder, **how).valid


def test_memory_that_nobody_measured_does_not_keep_a_budget(good, tmp_path, monkeypatch) -> None:
    device = Recording(changes={"memory_growth_bytes": -1})
    monkeypatch.setattr("ondevice.devices.profile.open_device", lambda name: device)
    [result] = validate_run(good[0].folder, max_memory=1e6, runtimes=["litert"], out=tmp_path / "verdict.json").results
    assert [failure.check for failure in result.failures] == ["memory"]
    assert "does not tell how memory grows" in result.failures[0].message


def test_command_prints_time_and_memory_and_a_missed_budget_exits_with_3(good, tmp_path, capsys) -> None:
    command = ["validate", str(good[0].folder), "--runtimes", "litert", "--out", str(tmp_path / "verdict.json")]
    assert main([*command, "--max-memory", "5000"]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"litert       valid    p50 \d+\.\d{3} ms, p95 \d+\.\d{3} ms, memory growth \d+(\.\d+)? [kM]B, "
        r"largest score error \d+(\.\d+)? steps",
        line,
    )
    assert main([*command, "--max-memory", "0.001"]) == 3
    line, failure = capsys.readouterr().out.splitlines()
    assert line.startswith("litert       INVALID  p50")
    assert re.fullmatch(r"  \[memory\] memory grows by .* [kM]B; 1\.00 kB is allowed\.", failure)


def test_command_prints_instructions_where_no_time_is_measured(good, tmp_path, capsys, monkeypatch) -> None:
    changes = {"clock": "instructions", "run_ns": (3_759_760,) * 3, "memory_growth_bytes": -1}
    monkeypatch.setattr("ondevice.devices.profile.open_device", lambda name: Recording(changes=changes))
    assert main(["validate", str(good[0].folder), "--runtimes", "litert", "--out", str(tmp_path / "verdict.json")]) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith("litert       valid    3,759,760 instructions, largest score error ")


def test_only_a_stated_budget_that_is_missed_alone_has_its_own_exit_code(good, tmp_path) -> None:
    from ondevice.pipeline.validate import exit_code

    validation = validate_run(good[0].folder, runtimes=["litert"], out=tmp_path / "verdict.json")
    [result] = validation.results

    def with_failures(*checks: str):
        failures = tuple(Failure(check, "made to fail.") for check in checks)
        return dataclasses.replace(validation, results=(dataclasses.replace(result, failures=failures),))

    assert exit_code(validation, loss_stated=True) == 0
    assert exit_code(with_failures("quality"), loss_stated=True) == 3
    assert exit_code(with_failures("quality"), loss_stated=False) == 1
    assert exit_code(with_failures("memory"), loss_stated=False) == 3
    assert exit_code(with_failures("quality", "memory"), loss_stated=True) == 3
    assert exit_code(with_failures("quality", "memory"), loss_stated=False) == 1
    assert exit_code(with_failures("quality", "values"), loss_stated=True) == 1
    assert exit_code(with_failures("memory", "vocabulary"), loss_stated=True) == 1
