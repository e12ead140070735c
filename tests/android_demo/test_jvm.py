"""The app's Kotlin on the JVM: its own tests, and its recommender with the runtime it ships on bundles made here.

The runtime is the x86_64 library of the app's own package; `android_demo/offline/bionic` lets it run on Linux.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest

from ondevice.bundle import MODEL_FILE, Bundle, open_bundle
from ondevice.pipeline.export_run import export_run
from ondevice.validation.contract import answer_problem, score_error
from tests.android_demo.maven import DEMO, alone, needs
from tests.known_bad.good_bundles import reseal
from tests.known_bad.model_edits import Graph
from tests.ondevice.web.own_bundles import write_own_bundle, write_ranking_bundle

PROGRAMS = ("mvn", "javac", "cc")
COMPARISONS = 60


def comparisons(bundle: Bundle) -> list[dict[str, object]]:
    """Make answers, right ones and wrong ones, and say what the reference's rule finds in each.

    Args:
        bundle: whose test vectors they answer.
    """
    rng = np.random.default_rng(5)
    cases: list[dict[str, object]] = []
    head = bundle.manifest.head
    top_k, known = head.k, bundle.manifest.feature(head.exclude).size
    for number in range(COMPARISONS):
        place = number % len(bundle.vectors.vectors)
        vector = bundle.vectors.vectors[place]
        items, scores, span = (
            np.array(vector.outputs["items"]),
            np.array(vector.outputs["scores"]),
            vector.ranges["scores"],
        )
        noisy = scores + rng.normal(0, span / 255 * 10.0 ** rng.integers(-3, 2), len(scores))
        best = np.argsort(-noisy)[:top_k]
        answered, given = items[best].astype(np.int32), noisy[best].astype(np.float32)
        if number % 5 == 1:  # an item from anywhere, perhaps one not listed, given, answered twice or no item at all
            answered[rng.integers(top_k)] = rng.integers(-1, known + 2)
        if number % 5 == 2:
            given = given[rng.permutation(top_k)]
        if number % 11 == 3:
            given[top_k // 2] = 1e9
        cases.append(
            {
                "vector": place,
                "items": answered.tolist(),
                "scores": [float(score) for score in given],
                "problem": bool(answer_problem(bundle.manifest, vector.inputs[head.exclude], answered, given)),
                "error": score_error(answered, given, items, scores, span),
            }
        )
    return cases


@pytest.fixture(scope="module")
def reports(
    tiny_run: Callable[[str], object], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, ElementTree.Element]:
    """Run the app's tests, once, and return what each suite reported."""
    needs([name for name in PROGRAMS if not shutil.which(name)])
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("the app's runtime for x86_64 phones runs on x86_64 Linux only")
    root = tmp_path_factory.mktemp("jvm")
    bundles = root / "bundles"
    for task in ("text", "clicks"):
        export_run(tiny_run(f"{task} memcom").folder, bundles / "answered" / f"{task}-int8", recipe="int8")
    for recipe in ("float32", "int8"):
        run = tiny_run("memcom block").folder
        made = export_run(run, bundles / "answered" / f"memcom-{recipe}", recipe=recipe)
    for name, write in {"own-values": write_own_bundle, "own-ranking": write_ranking_bundle}.items():
        (bundles / "answered" / name).mkdir()
        write(bundles / "answered" / name)
    newer = bundles / "refused" / "newer-gather"
    shutil.copytree(made.folder, newer)
    graph = Graph((newer / MODEL_FILE).read_bytes())
    graph.restamp(graph.operator("GATHER"), 99)
    (newer / MODEL_FILE).write_bytes(graph.content())
    reseal(newer)
    compared = {"bundle": f"answered/{made.folder.name}", "cases": comparisons(open_bundle(made.folder))}
    (bundles / "comparisons.json").write_text(json.dumps(compared))

    # A copy, so that nothing is written to the sources and another build can't get in the way.
    shutil.copytree(DEMO, root / "demo", ignore=shutil.ignore_patterns("target", "build", ".gradle"))
    command = ["mvn", "--batch-mode", "--quiet", "-f", str(root / "demo" / "offline"), f"-Dbundles={bundles}", "test"]
    with alone():
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    folder = root / "demo" / "offline" / "app" / "target" / "surefire-reports"
    suites = [ElementTree.parse(path).getroot() for path in folder.glob("TEST-*.xml")]
    return {suite.attrib["name"].rpartition(".")[2]: suite for suite in suites}


def test_every_test_of_the_app_ran_and_passed(reports: dict[str, ElementTree.Element]) -> None:
    written = {path.stem for path in (DEMO / "app/src/test/kotlin").rglob("*Test.kt")}
    assert set(reports) == written
    for name, suite in reports.items():
        counts = {key: int(suite.attrib[key]) for key in ("errors", "failures", "skipped")}
        assert counts == {"errors": 0, "failures": 0, "skipped": 0}, name
        assert int(suite.attrib["tests"]) > 0, name


def test_the_runtime_that_the_app_ships_answered_every_file(
    reports: dict[str, ElementTree.Element], record_property: Callable[[str, object], None]
) -> None:
    versions = re.findall("<tflite.version>(.+)</tflite.version>", (DEMO / "offline" / "pom.xml").read_text())
    said = "".join(reports["TfliteRecommenderTest"].itertext())
    for version in versions:
        assert f"newer-gather on {version}: The runtime of this app refuses the model" in said
        for answered in ("memcom-float32", "memcom-int8", "text-int8", "clicks-int8", "own-values", "own-ranking"):
            [line] = re.findall(rf"{answered} on {re.escape(version)}: \d+ vectors .+", said)
            record_property("measured", f"the app on the JVM, {line}")
    assert len(versions) == 1
