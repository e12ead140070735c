"""What can be seen in the demo's sources without building it: its layers, its texts, its colors, its versions."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.android_demo.maven import DEMO

CODE = DEMO / "app" / "src" / "main" / "kotlin" / "dev" / "ondevice" / "demo"
RES = DEMO / "app" / "src" / "main" / "res"
LAYERS = ("bundle", "recommend", "state", "ui")
"""Each may import those before it; only the last may import Android."""

ATTRIBUTE = "{http://schemas.android.com/apk/res/android}"
LAYOUTS = sorted(RES.glob("layout*/*.xml"))
READABLE_CONTRAST = 4.5
"""The least ratio of luminances that WCAG 2.1 allows for text of ordinary size."""


def imports(layer: str) -> set[str]:
    texts = [path.read_text() for path in (CODE / layer).rglob("*.kt")]
    assert texts
    return {found for text in texts for found in re.findall(r"^import (\S+)", text, re.MULTILINE)}


def test_every_file_is_in_a_layer() -> None:
    assert sorted(path.name for path in CODE.iterdir()) == sorted(LAYERS)


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_import_downwards(layer: str) -> None:
    own = {name.split(".")[3] for name in imports(layer) if re.match(r"dev\.ondevice\.demo\.[a-z]", name)}
    assert own <= set(LAYERS[: LAYERS.index(layer) + 1])


@pytest.mark.parametrize("layer", LAYERS[:-1])
def test_only_the_screen_knows_android(layer: str) -> None:
    assert [name for name in imports(layer) if name.startswith(("android.", "androidx."))] == []


def values(qualifier: str = "") -> dict[str, str]:
    """Return the texts and colors of a folder of values by kind and name."""
    found = {}
    for path in (RES / f"values{qualifier}").glob("*.xml"):
        for node in ElementTree.parse(path).getroot():
            found[f"{node.tag}/{node.attrib['name']}"] = (node.text or "").strip()
    return found


def test_every_text_is_used() -> None:
    sources = [path for ending in ("*.kt", "*.xml") for path in (DEMO / "app" / "src" / "main").rglob(ending)]
    written = "".join(path.read_text() for path in sources)
    names = {name for name in values() if name.startswith(("string/", "plurals/"))}
    used = {name for name in names if f'@{name}"' in written or re.search(rf"\bR\.{name.replace('/', '.')}\b", written)}
    assert names - used == set()


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_layout_has_no_text_of_its_own_and_no_fixed_height(path: Path) -> None:
    for node in ElementTree.parse(path).iter():
        for attribute in ("text", "hint", "contentDescription"):
            assert node.get(f"{ATTRIBUTE}{attribute}", "@string/").startswith("@string/")
        # Large letters need room.
        assert node.get(f"{ATTRIBUTE}layout_height", "wrap_content") in ("wrap_content", "match_parent")


def test_letters_grow_with_the_setting() -> None:
    sizes = re.findall(r'textSize">([^<]*)<', (RES / "values" / "styles.xml").read_text())
    assert sizes
    assert [size for size in sizes if not size.endswith("sp")] == []


def luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("qualifier", ["", "-night"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        *[(text, ground) for text in ("text", "text_quiet", "accent") for ground in ("background", "surface")],
        ("text", "accent_container"),
        ("on_accent", "accent"),
        ("good", "surface"),
        ("bad", "surface"),
        ("bad", "background"),
    ],
)
def test_text_can_be_read_by_day_and_night(qualifier: str, text: str, ground: str) -> None:
    colors = values(qualifier)
    lighter, darker = sorted((luminance(colors[f"color/{name}"]) for name in (text, ground)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= READABLE_CONTRAST


@pytest.mark.parametrize(("catalogue", "offline"), [("kotlin", "kotlin"), ("nanojson", "nanojson"), ("junit", "junit")])
def test_both_builds_take_the_same_versions(catalogue: str, offline: str) -> None:
    gradle = (DEMO / "gradle" / "libs.versions.toml").read_text()
    maven = (DEMO / "offline" / "pom.xml").read_text()
    (version,) = re.findall(rf'^{catalogue} = "(.+)"$', gradle, re.MULTILINE)
    assert re.findall(rf"<{offline}\.version>(.+)</{offline}\.version>", maven) == [version]
