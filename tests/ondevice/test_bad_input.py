"""What a user can get wrong: one sentence on the error stream, the right exit code, and nothing half-written."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from ondevice import bundle as bundles
from ondevice import files, records
from ondevice.bundle import TestVector, TestVectors
from ondevice.cli.main import main
from ondevice.manifest import Training
from ondevice.training import run_folder
from ondevice.training.config import TrainConfig
from ondevice.training.run_folder import Epoch, TrainResult
from tests.manifests import manifest

ROOT = Path(__file__).parent.parent.parent
ITEMS, WIDTH, LENGTH = 60, 64, 8
SIZE = ITEMS + 2
FAILED, USAGE = 1, 2


class Case(NamedTuple):
    """A command line, the exit code it deserves and what its one sentence must say."""

    name: str
    arguments: str
    code: int
    says: tuple[str, ...]


def usage(name: str, arguments: str, *says: str) -> Case:
    return Case(name, arguments, USAGE, says)


def failed(name: str, arguments: str, *says: str) -> Case:
    return Case(name, arguments, FAILED, says)


TRAIN = "train --dataset user-items --data data --out new --set history_length=8"
RUN = "run --dataset user-items --data data --out new --set history_length=8"

CASES = (
    # Names
    usage("method", "train --method memcmo --out new", "unknown method 'memcmo', did you mean 'memcom'?", "hashing"),
    usage("order", "train --order semantics --out new", "unknown order 'semantics', did you mean 'semantic'?"),
    usage("data set", "train --dataset gowala --out new", "unknown dataset 'gowala', did you mean 'gowalla'?"),
    usage("name like a path", "train --method ../full --out new", "unknown method '../full'"),
    usage("no name", "train --method= --out new", "unknown method ''"),
    usage("method of a variant", f"{RUN} --variants full@random hashin@random", "method 'hashin', did you mean"),
    usage("order of a variant", f"{RUN} --variants full@randm", "unknown order 'randm', did you mean 'random'?"),
    usage("variant without order", f"{RUN} --variants memcom", "variant is 'memcom'", "METHOD@ORDER"),
    usage("variant with empty order", f"{RUN} --variants memcom@", "variant is 'memcom@'", "METHOD@ORDER"),
    usage("variant with empty method", f"{RUN} --variants @semantic", "variant is '@semantic'", "METHOD@ORDER"),
    usage("data set of a run", "run --dataset synthetc", "unknown dataset 'synthetc', did you mean 'synthetic'?"),
    usage("recipe of a run", f"{RUN} --recipes int9", "unknown recipe 'int9', did you mean 'int8'?"),
    usage("target of a run", f"{RUN} --target litrt-2.3", "target runtime 'litrt-2.3', did you mean 'litert-2.3'?"),
    usage("device of a run", f"{RUN} --devices hots", "unknown device 'hots', did you mean 'host'?"),
    usage("device of a run twice", f"{RUN} --devices host host", "devices is ['host', 'host']; allowed is each once"),
    usage("recipe", "export run --out new --recipe flot32", "unknown recipe 'flot32', did you mean 'float32'?"),
    usage("target", "export run --out new --target tflite-2.15", "'tflite-2.15', did you mean 'tflite-2.14'?"),
    usage("device", "validate bundle --device hots", "unknown device 'hots', did you mean 'host'?"),
    usage("runtime", "validate bundle --runtimes litert litrt", "unknown runtime 'litrt', did you mean 'litert'?"),
    usage("metric", "validate bundle --metric ndgc@20", "unknown metric 'ndgc@20', did you mean 'ndcg@20'?"),
    usage("metric of a report", "report data --metric recal@20", "'recal@20', did you mean 'recall@20'?"),
    # Settings and options
    usage("setting", f"{TRAIN} --set epoch=3", "unknown training setting 'epoch', did you mean 'epochs'?"),
    usage("setting without value", f"{TRAIN} --set nonsense", "setting is 'nonsense'", "NAME=VALUE"),
    usage("setting of another type", f"{TRAIN} --set epochs=many", "setting epochs is 'many'", "int"),
    usage("fraction as whole number", f"{TRAIN} --set epochs=2.5", "setting epochs is '2.5'", "int"),
    usage("negative setting", f"{TRAIN} --set epochs=-3", "epochs is -3", "at least 1"),
    usage("no number as setting", f"{TRAIN} --set learning_rate=nan", "learning_rate is nan", "above 0"),
    usage("setting out of range", f"{RUN} --set dropout=1", "dropout is 1.0", "0 to below 1"),
    usage("setting with an option of its own", f"{TRAIN} --set ratio=4", "unknown training setting 'ratio'"),
    usage("option without value", f"{TRAIN} --option bias", "option is 'bias'", "NAME=VALUE"),
    usage("option of no field", f"{TRAIN} --option bais=true", "option 'bais'", "method memcom", "bias"),
    usage("option out of range", f"{TRAIN} --option sharing=blok", "sharing rule 'blok', did you mean"),
    # Numbers
    usage("ratio out of reach", f"{TRAIN} --ratio 25", "ratio 25 is out of reach for memcom with 62", "at most 20.88"),
    usage("ratio of a run out of reach", f"{RUN} --ratio 99 --variants full@random hashing@random", "at most 20.66"),
    usage("ratio of the full table", f"{TRAIN} --method full --ratio 2", "ratio of full is 2.0"),
    usage("ratio below 1", f"{TRAIN} --ratio 0.5", "ratio is 0.5", "at least 1"),
    usage("negative ratio", f"{TRAIN} --ratio -4", "ratio is -4.0", "at least 1"),
    usage("no number as ratio", f"{TRAIN} --ratio nan", "ratio is nan", "at least 1"),
    usage("ratio of a run below 1", f"{RUN} --variants full@random --ratio -4", "ratio is -4.0", "at least 1"),
    usage("budget out of reach", f"{TRAIN} --budget 300", "budget of 300 bytes is out of reach for memcom as int8"),
    usage("budget of the full table", f"{TRAIN} --method full --budget 3kB", "for full as int8", "it takes 4216"),
    usage("budget of a run out of reach", f"{RUN} --budget 90 --variants full@random hashing@random", "it takes 204"),
    usage("no size as budget", f"{TRAIN} --budget much", "budget is 'much'", "300kB"),
    usage("budget of nothing", f"{RUN} --budget 0", "budget is '0'", "at least one byte"),
    usage("recipe without budget", f"{TRAIN} --recipe int8", "recipe is 'int8'", "beside a budget"),
    usage(
        "recipe of a budget", f"{TRAIN} --budget 3kB --recipe int9", "unknown recipe", "'int9', did you mean 'int8'?"
    ),
    usage("recipe to compare with", f"{TRAIN} --budget 3kB --recipe stock_dynamic_range", "'stock_dynamic_range'"),
    usage("recipe not exported", f"{RUN} --budget 3kB --recipes float32", "recipe of the budget is 'int8'", "float32"),
    usage("negative budget", "catalogue --budget=-3MB", "budget is '-3MB'", "at least one byte"),
    usage("negative seed", f"{TRAIN} --seed -1", "seed is -1", "from 0 to 4294967295"),
    usage("negative later seed", f"{RUN} --seeds 0 -1", "seed is -1", "from 0 to 4294967295"),
    usage("repeated seed", f"{RUN} --seeds 3 1 3", "seeds is [3, 1, 3]", "each once"),
    usage("repeated variant", f"{RUN} --variants full@random full@random", "variants is", "each once"),
    usage(
        "dense of a recipe",
        f"{RUN} --recipes int16.toml",
        "unknown dense format of recipe 'int16.toml' 'int16'",
        "int8",
    ),
    usage(
        "table of a recipe",
        f"{RUN} --recipes by_table.toml --variants full@random",
        "names table 'multiplier'",
        "table",
    ),
    usage("repeated recipe", f"{RUN} --recipes int8 int8", "recipes is ['int8', 'int8']", "each once"),
    usage("no users of a run", f"{RUN} --users 0", "users is 0", "at least 1"),
    usage("negative users of a run", f"{RUN} --users -5", "users is -5", "at least 1"),
    usage("no users", "validate bundle --users 0", "users is 0", "at least 1"),
    usage("negative loss", "validate bundle --max-loss -0.1", "max_loss is -0.1", "0 to 1"),
    usage("no number as loss", "validate bundle --max-loss nan", "max_loss is nan", "0 to 1"),
    usage("no memory", "validate bundle --max-memory 0", "max_memory is 0", "MB above 0"),
    usage("no number as memory", "validate bundle --max-memory nan", "max_memory is nan", "MB above 0"),
    usage("no items", "export run --out new --top-k 0", "top_k is 0", "1 to 52"),
    usage("too many items", "export run --out new --top-k 53", "top_k is 53", "1 to 52"),
    usage("too long history", f"{RUN} --variants full@random --set history_length=41", "is 41", "at most 40"),
    usage("empty catalogue", "catalogue --items 0", "items is 0", "at least 1"),
    usage("negative width", "catalogue --width -8", "width is -8", "at least 1"),
    usage("no number as catalogue ratio", "catalogue --ratio nan", "ratio is nan", "at least 1"),
    # Data
    usage("no data", "train --dataset user-items --out new", "data 'None' is not a folder", "train.txt"),
    usage("missing data folder", "train --dataset user-items --data nowhere --out new", "'nowhere' is not a folder"),
    usage("missing data file", "train --dataset user-items --data part --out new", "'part/valid.txt' does not exist"),
    usage("missing sequences", "run --dataset sequences --data no.txt --out new", "data 'no.txt' does not exist"),
    usage("folder of two files", "run --dataset sequences --data part --out new", "'part' holds 2 .txt"),
    usage("data for what is made", "train --dataset synthetic --data data --out new", "is 'data'", "leave --data out"),
    usage("data of no known name", "train --data model.tflite --out new", "named as nothing", "--dataset table"),
    usage("data of several", "train --data minus.txt --out new", "several things", "--dataset pairs, --dataset seq"),
    usage("column that is not there", "train --data rows.csv --user who --out new", "is 'who'", "'user', 'item'"),
    failed("no text", "run --dataset sequences --data model.tflite --out new", "model.tflite, line 1 is not text"),
    failed("cut gzip", "run --dataset sequences --data cut.txt.gz --out new", "cut.txt.gz is not a whole gzip"),
    failed(
        "too short",
        "run --dataset sequences --data short.txt --out new",
        "split is last-out, and no user has 3 entries",
    ),
    failed("user twice", "train --dataset user-items --data twice --out new", "twice/test.txt, line 3: user 0 has"),
    usage(
        "history too long",
        "train --dataset user-items --data data --out new --set history_length=41",
        "history_length is 41; allowed is at most 40",
        "20 of 60 items",
    ),
    failed("few items", "train --dataset user-items --data few --out new", "has 6 items", "at least 20"),
    failed("few items of a run", "run --dataset user-items --data few --out new", "has 6 items", "at least 20"),
    failed(
        "nothing to test on",
        "train --dataset user-items --data untested --out new",
        "has no test items that are new to their users",
    ),
    # Folders
    usage("output exists", f"{RUN} --variants full@random --out part", "output 'part' exists already"),
    usage("output is here", f"{RUN} --variants full@random --out .", "output '.' exists already"),
    usage("output is a finished path", f"{RUN} --variants full@random --out report", "'report' exists already"),
    usage("output of another run", f"{RUN} --variants full@random --out other", "'other' holds an unfinished run of"),
    usage("quality", "run --quality bset --out new", "unknown quality 'bset', did you mean 'best'?"),
    usage("nobody to learn from", "run --quality best --variants hashing@random --out new", "method 'full'"),
    usage("teacher nowhere", f"{TRAIN} --teacher nowhere --warm-start", "run folder 'nowhere' holds no config.json"),
    usage("warm start without teacher", f"{TRAIN} --warm-start", "warm_start is True", "beside a teacher"),
    usage("too much distillation", f"{TRAIN} --teacher x --distillation 2", "distillation is 2.0", "0 to 1"),
    usage("order without teacher", f"{TRAIN} --teacher-order", "teacher_order is True", "beside a teacher"),
    usage("sweep of nothing known", "sweep --methods memcmo --out new", "unknown method 'memcmo'"),
    usage("sweep of the full table", "sweep --methods full --out new", "trained in any case"),
    usage("sweep without data", "sweep --dataset user-items --out new", "is not a folder"),
    usage("search of a word", "sweep --search epochs=many --out new", "setting epochs is 'many'"),
    usage("search twice", "sweep --search epochs=1 --search epochs=2 --out new", "searched twice"),
    usage("no jobs", "sweep --jobs 0 --out new", "jobs is 0", "at least 1"),
    usage("sweep into a folder", "sweep --out part", "'part' exists already"),
    usage("training into a folder", f"{TRAIN} --out part", "'part' exists already and is no run folder"),
    usage("training into a finished run", f"{TRAIN} --out run", "'run' exists already and is a finished"),
    usage("training into another run", f"{TRAIN} --out begun", "'begun' holds an unfinished run of other"),
    failed("output below a file", f"{TRAIN} --out short.txt/new", "Not a directory", "short.txt/new"),
    usage("bundle exists", "export run --out part", "output 'part' exists already"),
    usage("export of nothing", "export nowhere --out new", "model 'nowhere' is no file that ends with .keras"),
    usage("export of another file", "export short.txt --out new", "model 'short.txt' is no file that ends with .keras"),
    usage("sample of nowhere", "export m.keras --sample no.npz --out new", "data 'no.npz' do not exist"),
    failed("sample of text", "export m.keras --sample short.txt --out new", "'short.txt' can't be read"),
    usage("option of a run", "export m.keras --keep-history --out new", "--keep-history is given", "training run only"),
    usage("option of a model", "export run --labels a b --out new", "--labels is given", "a .keras file only"),
    usage("recipe of a model", "export m.keras --recipe int9 --out new", "unknown recipe 'int9', did you mean 'int8'?"),
    usage("recipe of runs", "export m.keras --recipe stock_dynamic_range --out new", "for models of `ondevice train`"),
    usage("export of no run", "export part --out new", "run folder 'part' holds no config.json"),
    usage("export of an unfinished run", "export begun --out new", "run 'begun' is not finished", "resume"),
    failed("export of a broken run", "export broken --out new", "'broken/config.json' is not valid JSON"),
    failed("export of a foreign run", "export foreign --out new", "'foreign/config.json' does not fit", "datasett"),
    usage("validate no folder", "validate nowhere", "bundle 'nowhere' is not a folder"),
    usage("validate no bundle", "validate part", "manifest 'part/manifest.json' does not exist"),
    usage("validate here", "validate .", "manifest", "does not exist"),
    failed("validate a changed bundle", "validate changed", "'changed/model.tflite' was changed since export"),
    usage("validate a part", "validate lacking", "bundle file 'lacking/vocab.txt' does not exist"),
    failed(
        "export an earlier run",
        "export earlier --out new",
        "run 'earlier' has schema version 1",
        "train the model again",
    ),
    failed("validate a later version", "validate later", "schema version 99"),
    usage("validate with no run", "validate bundle --run part", "run folder 'part' holds no config.json"),
    usage("validate with another run", "validate bundle --run run", "run 'run' has seed 0", "seed 5"),
    usage(
        "loss of nothing",
        "validate bundle --max-loss 0.1",
        "max_loss is 0.1 without a run",
        "what the bundle was made of",
    ),
    usage("model from nowhere", "validate bundle --model no.keras --data x.npz", "'no.keras' is no file that ends"),
    usage("model without data", "validate bundle --model m.keras", "model is given without data; allowed are both"),
    usage("data without model", "validate bundle --data x.npz", "data is given without model; allowed are both"),
    usage("run beside model", "validate bundle --model m.keras --run run", "--run is given beside --model"),
    usage("data from nowhere", "validate bundle --model m.keras --data no.npz", "data 'no.npz' do not exist"),
    usage("users of nothing", "validate bundle --users 5", "users is 5 without a run"),
    usage("metric of nothing", "validate bundle --metric ndcg@10", "metric is ndcg@10 without a run"),
    usage("report of no folder", "report nowhere", "folder 'nowhere' does not exist"),
    usage("report of an empty folder", "report empty", "folder 'empty' holds no validated bundle"),
    usage("report of a bundle not validated", "report bundle", "folder 'bundle' holds no validated bundle"),
    usage("inspect no file", "inspect nowhere.tflite", "nowhere.tflite' does not exist"),
    usage("inspect no bundle", "inspect part", "part/model.tflite' does not exist"),
    failed("inspect text", "inspect short.txt", "short.txt"),
    failed("inspect an empty file", "inspect empty.tflite", "empty.tflite"),
    failed("inspect a cut file", "inspect model.tflite", "model.tflite"),
)

WITH_PARSER = (
    usage("word as number", f"{TRAIN} --ratio much", "argument --ratio", "'much'"),
    usage(
        "ratio and budget", f"{TRAIN} --ratio 4 --budget 3kB", "argument --budget: not allowed with argument --ratio"
    ),
    usage("fraction as users", f"{RUN} --users 2.5", "argument --users", "'2.5'"),
    usage("no seeds", f"{RUN} --seeds", "argument --seeds"),
    usage("no output", "train --method full", "required: --out"),
)
"""Cases that the parser refuses, which leaves the program in its own way."""


def write_data(folder: Path, train: str, valid: str, test: str) -> None:
    folder.mkdir()
    for name, text in (("train", train), ("valid", valid), ("test", test)):
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


def user_lines(first: int, count: int) -> str:
    rows = [[user, *((user * 7 + first + step) % ITEMS for step in range(count))] for user in range(ITEMS)]
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)


def write_run(folder: Path, seed: int, version: int = run_folder.SCHEMA_VERSION) -> None:
    config = TrainConfig("user-items", "data", "full", "random", 1.0, seed=seed, width=WIDTH, history_length=LENGTH)
    parameters = {"vocabulary_size": SIZE, "width": WIDTH}
    result = TrainResult(version, parameters, "tiny", 8_000, 0, (Epoch(1.0, 0.1, 0.1),), {"users": 1.0}, {})
    records.write(folder / run_folder.CONFIG_FILE, config)
    records.write(folder / run_folder.RESULT_FILE, result)


def write_bundle(folder: Path, version: int = bundles.SCHEMA_VERSION) -> None:
    files.write_bytes(folder / bundles.MODEL_FILE, cut_model())
    files.write_text(folder / bundles.VOCABULARY_FILE, "<padding>\n<unknown>\n")
    answer = {"items": (2.0,), "scores": (0.0,)}
    vector = TestVector("all padding", True, {"ids": (0.0,) * LENGTH}, answer, {"scores": 1.0}, ("item",))
    records.write(folder / bundles.TEST_VECTORS_FILE, TestVectors(bundles.SCHEMA_VERSION, (vector,)))
    digests = {path.name: files.sha256(path) for path in folder.iterdir()}
    training = Training("user-items", "tiny", seed=5)
    written = manifest(SIZE, WIDTH, LENGTH, schema_version=version, sha256=digests, training=training)
    records.write(folder / bundles.MANIFEST_FILE, written)


def cut_model() -> bytes:
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT()
    model.version = 3
    model.description = "a model whose file lost its end " * 20
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    whole = bytes(builder.Output())
    return whole[: len(whole) // 2]


def make_world(root: Path) -> None:
    """Fill a folder with everything that the cases name."""
    train, valid, test = user_lines(0, 6), user_lines(6, 1), user_lines(7, 1)
    write_data(root / "data", train, valid, test)
    write_data(root / "twice", train, valid, "0 3\n1 3\n0 4\n")
    write_data(root / "few", "0 1 2\n1 3 8\n", "0 5\n", "0 6\n")
    write_data(root / "untested", train, valid, "")
    write_data(root / "part", train, valid, test)
    (root / "part" / "valid.txt").unlink()
    (root / "minus.txt").write_text("0 1 2 3\n1 4 -7 5\n", encoding="utf-8")
    (root / "rows.csv").write_text("user,item\na,1\n", encoding="utf-8")
    (root / "short.txt").write_text("0 1 2\n1 3\n", encoding="utf-8")
    (root / "cut.txt.gz").write_bytes(gzip.compress(train.encode(), mtime=0)[:-20])
    (root / "model.tflite").write_bytes(cut_model())
    (root / "empty.tflite").write_bytes(b"")
    (root / "m.keras").touch()
    recipe = 'title = "x"\ntables = "float32"\nscore_tolerance_steps = 1.0\n'
    (root / "int16.toml").write_text(recipe + 'dense = "int16"\n', encoding="utf-8")
    by_table = recipe + 'dense = "int8"\n[by_table]\nmultiplier = "int8_row"\n'
    (root / "by_table.toml").write_text(by_table, encoding="utf-8")
    (root / "empty").mkdir()
    write_run(root / "run", seed=0)
    write_run(root / "earlier", seed=0, version=1)
    write_run(root / "begun", seed=3)
    (root / "begun" / run_folder.RESULT_FILE).unlink()
    files.write_text(root / "broken" / run_folder.CONFIG_FILE, '{"dataset": ')
    files.write_text(root / "broken" / run_folder.RESULT_FILE, "{}")
    files.write_text(root / "foreign" / run_folder.CONFIG_FILE, '{"dataset": "x", "datasett": "x"}')
    files.write_text(root / "foreign" / run_folder.RESULT_FILE, "{}")
    write_bundle(root / "bundle")
    write_bundle(root / "changed")
    files.write_bytes(root / "changed" / bundles.MODEL_FILE, b"other")
    write_bundle(root / "lacking")
    (root / "lacking" / bundles.VOCABULARY_FILE).unlink()
    write_bundle(root / "later", version=99)
    plan = {
        "config": {"dataset": "user-items"}, "variants": ["full@random"], "seeds": [0], "recipes": ["int8"],
        "target": "litert", "devices": ["host"],
    }  # fmt: skip
    for folder in ("other", "report"):
        files.write_json(root / folder / "plan.json", plan)
    files.write_text(root / "report" / "report.json", "{}")


def content(root: Path) -> dict[str, bytes | None]:
    """Return every file with its bytes and every folder below a folder, hidden ones included."""
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("world")
    make_world(root)
    return root


@pytest.fixture
def world(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in the one world of all cases, which none of them may change."""
    monkeypatch.chdir(made)
    return made


def by_name(case: Case) -> str:
    return case.name


def check(case: Case, code: object, out: str, err: str) -> None:
    assert err.startswith("ondevice")
    assert err.endswith("\n")
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    for words in case.says:
        assert words in err
    assert (code, out) == (case.code, "")


def test_names_of_cases_are_unique() -> None:
    names = [case.name for case in (*CASES, *WITH_PARSER)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("case", CASES, ids=by_name)
def test_one_sentence_and_nothing_written(case: Case, world: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = content(world)
    code = main(case.arguments.split(" "))
    captured = capfd.readouterr()
    check(case, code, captured.out, captured.err)
    assert content(world) == before


@pytest.mark.parametrize("case", WITH_PARSER, ids=by_name)
def test_parser_refuses_in_one_sentence(case: Case, world: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = content(world)
    with pytest.raises(SystemExit) as stopped:
        main(case.arguments.split(" "))
    captured = capfd.readouterr()
    check(case, stopped.value.code, captured.out, captured.err)
    assert content(world) == before


ALL_IN_ONE = """
import json, sys
from ondevice.cli.main import main
for name, arguments in json.load(sys.stdin):
    main(arguments.split(" "))
    heavy = {each.partition(".")[0] for each in sys.modules} & {"tensorflow", "keras"}
    if heavy:
        sys.exit(f"{name}: {' and '.join(sorted(heavy))} imported before the mistake was found")
print("all light")
"""


def test_no_mistake_waits_for_tensorflow(world: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALL_IN_ONE],
        input=json.dumps([(case.name, case.arguments) for case in CASES]),
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "all light\n"), done.stderr.splitlines()[-1:]
    assert len(done.stderr.splitlines()) == len(CASES)


def test_file_without_permission(world: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "short.txt")

    # The tests may run as a user who is denied nothing.
    monkeypatch.setattr(Path, "open", refuse)
    code = main(["train", "--dataset", "sequences", "--data", "short.txt", "--out", "new"])
    captured = capfd.readouterr()
    assert (code, captured.out) == (FAILED, "")
    assert captured.err == "ondevice: [Errno 13] Permission denied: 'short.txt'\n"


def test_interruption(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ondevice.pipeline.doctor.doctor", interrupt)
    assert main(["doctor"]) == 130
    assert capfd.readouterr().err == "ondevice: interrupted.\n"
    # Only these go on; whoever is told so of another command waits for what begins anew.
    monkeypatch.setattr("ondevice.pipeline.train.train", lambda *_, **__: interrupt())
    assert main(["train", "--out", "new"]) == 130
    assert capfd.readouterr().err == "ondevice: interrupted; the same command goes on from here.\n"
