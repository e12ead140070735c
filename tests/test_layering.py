"""Imports point one way: the table below says who may import whom, and every import of the sources is held to it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ("ondevice", "converters")

FOUNDATION = frozenset(
    {
        "arrays",
        "bundle",
        "encoding_error",
        "errors",
        "feature",
        "files",
        "head",
        "ids",
        "manifest",
        "quiet",
        "records",
        "registry",
        "task",
        "tokenizer",
        "toml_family",
        "units",
        "version",
        "versions",
    }
)
"""The modules directly in `ondevice`; they may import each other and nothing else, everyone may import them."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    "embeddings": frozenset(),
    "data": frozenset(),
    "devices": frozenset({"web"}),
    "web": frozenset(),
    "quantize": frozenset({"embeddings"}),
    "topk": frozenset({"embeddings"}),
    "models": frozenset({"embeddings", "quantize.schemes.int4_row", "quantize.steps", "topk"}),
    "compression": frozenset({"data", "embeddings", "quantize"}),
    "training": frozenset({"data", "embeddings", "models", "quantize", "topk.best"}),
    "tasks": frozenset({"data", "embeddings.method", "models.output", "topk.best", "training"}),
    "validation": frozenset(
        {
            "data.vocabulary",
            "devices.device",
            "devices.measurement",
            "devices.runner",
            "training.evaluation",
            "training.metrics",
        }
    ),
    "reporting": frozenset({"devices.measurement", "validation.record"}),
    "converters": frozenset({"embeddings", "models", "quantize", "topk.best", "topk.parts"}),
    "pipeline": frozenset(
        {
            "compression",
            "converters",
            "data",
            "devices",
            "embeddings",
            "models",
            "quantize",
            "reporting",
            "topk",
            "training",
            "validation",
            "web",
        }
    ),
    "cli": frozenset({"data.split_data", "devices.runtimes", "pipeline", "reporting.console", "training.config"}),
}
"""What each package may import beside itself and the foundation: a package, or one module of it."""

ENTRIES = {"ondevice": frozenset({"version"}), "ondevice.__main__": frozenset({"cli.main"})}
"""The two modules that belong to no package: the front of the library and of the command line."""


def modules() -> dict[str, str]:
    """Return the text of every source module by its dotted name."""
    found = {}
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            # `ondevice/converters` is a link to the folder beside it.
            parts = parts if source == "ondevice" else ("ondevice", *parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text(encoding="utf-8")
    return found


MODULES = modules()
TEXTS = pytest.mark.parametrize("module", sorted(MODULES))


def short(name: str) -> str:
    """Drop the leading `ondevice.`."""
    return name.removeprefix("ondevice.")


def package(name: str) -> str:
    """Return the package of a module, or the module itself where it is part of the foundation."""
    return short(name).partition(".")[0]


def imports(text: str, known: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Give line and dotted name of every own module that a text imports, wherever in the text that is."""
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise AssertionError(f"line {node.lineno}: imports are written in full, not relative")
            # `from ondevice import files` imports a module, `from ondevice.files import read_json` a name in one.
            names = [full if (full := f"{node.module}.{a.name}") in known else str(node.module) for a in node.names]
        yield from ((node.lineno, name) for name in names if name.partition(".")[0] == "ondevice")


def loaded(text: str, known: Iterable[str]) -> set[str]:
    """Return the own modules that a text imports when it is itself imported: not in functions, not for types alone."""

    def outside(nodes: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        for node in nodes:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield node
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                yield from outside(node.orelse)
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from outside(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))

    found: set[str] = set()
    for node in outside(ast.parse(text).body):
        for _, name in imports(ast.unparse(node), known):
            # Packages are imported before their modules.
            parts = name.split(".")
            found |= {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return found


def violations(module: str, text: str, known: Iterable[str] = MODULES) -> list[str]:
    """Tell which imports of a module the table does not allow."""
    found = []
    own = package(module)
    for line, name in imports(text, known):
        if module in ENTRIES:
            fine = short(name) in ENTRIES[module]
        elif own in FOUNDATION:
            fine = short(name) in FOUNDATION
        else:
            allowed = MAY_IMPORT[own] | FOUNDATION | {own}
            fine = any(short(name) == each or short(name).startswith(f"{each}.") for each in allowed)
        if not fine:
            found.append(f"{module}, line {line}: {own} may not import {name}")
    return found


@TEXTS
def test_imports_follow_the_table(module: str) -> None:
    assert violations(module, MODULES[module]) == []


def test_table_names_every_package_and_no_other() -> None:
    in_no_package = {short(name) for name in MODULES if name.count(".") == 1 and name.startswith("ondevice.")}
    packages = {name for name in in_no_package if any(other.startswith(f"ondevice.{name}.") for other in MODULES)}
    assert packages == set(MAY_IMPORT)
    assert in_no_package - packages - {"__main__"} == FOUNDATION


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """Return the nodes of one cycle, or nothing."""
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node not in done:
            for after in sorted(graph.get(node, ())):
                if found := visit(after, [*path, node]):
                    return found
            done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := visit(node, []))), [])


def test_no_cycle_between_packages() -> None:
    graph: dict[str, set[str]] = {}
    for module, text in MODULES.items():
        own = module if module in ENTRIES else package(module)
        after = {package(name) if name not in ENTRIES else name for _, name in imports(text, MODULES)}
        graph.setdefault(own, set()).update(after - {own})
    assert cycle(graph) == []


def test_no_cycle_between_modules_while_they_are_imported() -> None:
    graph = {}
    for module, text in MODULES.items():
        # The packages around a module are on their way in any case.
        around = {module.rpartition(".")[0], module.partition(".")[0]}
        graph[module] = {name for name in loaded(text, MODULES) - around if name in MODULES}
    assert cycle(graph) == []


LINT = {"ondevice", "ondevice.converters", "ondevice.converters.lint"}
STAMP = {"ondevice", "ondevice.converters", "ondevice.converters.passes", "ondevice.converters.passes.stamp"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import ondevice.files", {"ondevice", "ondevice.files"}),
        ("from ondevice import files", {"ondevice", "ondevice.files"}),
        ("from ondevice.converters.passes import stamp", STAMP),
        ("if True:\n    import ondevice.converters.lint", LINT),
        ("class A:\n    import ondevice.converters.lint", LINT),
        (
            "if TYPE_CHECKING:\n    import ondevice.converters.lint\nelse:\n    import ondevice.ids",
            {"ondevice", "ondevice.ids"},
        ),
        ("def f():\n    import ondevice.converters.lint", set()),
        ("import numpy", set()),
    ],
)
def test_imports_that_count_while_a_module_is_imported(text: str, names: set[str]) -> None:
    assert loaded(text, MODULES) == names


def test_a_cycle_would_be_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize(
    ("module", "text", "imported"),
    [
        ("ondevice.feature", "from ondevice.data.vocabulary import text_ids", "ondevice.data.vocabulary"),
        ("ondevice.topk.best", "from ondevice.models.output import Output", "ondevice.models.output"),
        ("ondevice.tasks.text", "from ondevice.quantize.recipe import load", "ondevice.quantize.recipe"),
        (
            "ondevice.validation.own_examples",
            "from ondevice.converters.program import describe",
            "ondevice.converters.program",
        ),
        ("ondevice.validation.lookups", "from ondevice.pipeline import prove", "ondevice.pipeline.prove"),
        (
            "ondevice.converters.convert",
            "from ondevice.validation.contract import agreement",
            "ondevice.validation.contract",
        ),
        ("ondevice.errors", "import ondevice.data.reader", "ondevice.data.reader"),
        ("ondevice.data.reader", "from ondevice.training.config import TrainConfig", "ondevice.training.config"),
        ("ondevice.embeddings.method", "def f():\n    from ondevice import data", "ondevice.data"),
        (
            "ondevice.devices.device",
            "if TYPE_CHECKING:\n    import ondevice.converters.lint",
            "ondevice.converters.lint",
        ),
        ("ondevice.validation.quality", "from ondevice.training import fit", "ondevice.training.fit"),
        ("ondevice.reporting.html", "from ondevice.validation import validate", "ondevice.validation.validate"),
        ("ondevice.pipeline.run", "from ondevice.cli import console", "ondevice.cli.console"),
        ("ondevice.training.fit", "from ondevice.converters import lower", "ondevice.converters.lower"),
        ("ondevice.cli.main", "from ondevice.converters.lint import TARGETS", "ondevice.converters.lint"),
        ("ondevice.converters.lint", "from ondevice.pipeline.export import export", "ondevice.pipeline.export"),
        ("ondevice", "import ondevice.pipeline.run", "ondevice.pipeline.run"),
    ],
)
def test_a_violation_would_be_found(module: str, text: str, imported: str) -> None:
    assert len(violations(module, text)) == 1
    assert violations(module, text)[0].endswith(f"may not import {imported}")


def test_a_relative_import_would_be_found() -> None:
    with pytest.raises(AssertionError, match="not relative"):
        violations("ondevice.data.reader", "from . import order")
