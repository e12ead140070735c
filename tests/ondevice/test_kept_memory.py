"""Freed memory: kept while training and given back afterwards."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

PAGES = 40 << 8
"""Pages of 4 KiB of the array that is made again and again."""

SCRIPT = """
import json, resource
from pathlib import Path
from ondevice.training.kept_memory import LARGEST, freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    b"x" * (40 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

first = [faults(), resident()]
with freed_memory_kept(40 << 20):
    kept = [[faults() for _ in range(3)], resident()]
last = [resident(), faults()]
with freed_memory_kept(LARGEST + 1):
    last.append([faults() for _ in range(3)])
print(json.dumps([first, kept, last]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is kept where the C library is glibc")
def test_freed_memory_is_used_again_inside_and_given_back_at_the_end_unless_it_is_too_large() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, check=True, text=True)
    (first_faults, before), (faults, inside), (after, last_faults, too_large) = json.loads(done.stdout)
    for each in (first_faults, faults[0], last_faults, *too_large):
        # What lay free before may be a part of it.
        assert each > 0.9 * PAGES
    assert max(faults[1:]) < PAGES // 100
    assert inside - before > 0.9 * PAGES
    assert after - before < PAGES // 10
