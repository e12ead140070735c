"""One start of an emulated phone for many validations, since starting it takes longer than a small bundle does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest

from ondevice.devices.device import Job, Outcome
from ondevice.devices.kinds.phone import Phone

Key = TypeVar("Key")
Value = TypeVar("Value")


def in_one_start(phone: Phone, calls: Mapping[Key, Callable[[], Value]]) -> dict[Key, Future[Value]]:
    """Call functions of which each asks the phone once, and let it answer all of them in one start.

    Verdicts do not change by that, costs may: what was read before need not be read again.

    Args:
        phone: the phone.
        calls: the functions; one that raises does not keep the others from their answer.

    Returns:
        what each gave or raised.
    """
    start = phone.run_all
    jobs: list[Job] = []
    outcomes: Future[list[Outcome]] = Future()
    adding, asked_or_ended = threading.Lock(), threading.Semaphore(0)

    def ask(_phone: Phone, wanted: Sequence[Job]) -> list[Outcome]:
        with adding:
            first = len(jobs)
            jobs.extend(wanted)
        asked_or_ended.release()
        return outcomes.result()[first : first + len(wanted)]

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(max(1, len(calls))) as pool:
        patch.setattr(Phone, "run_all", ask)
        results = {key: pool.submit(call) for key, call in calls.items()}
        for result in results.values():
            result.add_done_callback(lambda _: asked_or_ended.release())
        _answer(outcomes, start, jobs, (asked_or_ended.acquire() for _ in calls))
    return results


def _answer(
    outcomes: Future[list[Outcome]],
    start: Callable[[Sequence[Job]], list[Outcome]],
    jobs: Sequence[Job],
    waiting: Iterable[bool],
) -> None:
    try:
        assert all(waiting)
        outcomes.set_result(start(jobs))
    except BaseException as error:
        # Those who wait for an answer have to end, too.
        outcomes.set_exception(error)
        raise
