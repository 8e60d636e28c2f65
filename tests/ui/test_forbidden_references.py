"""No address makes a page show anything of a file that its visitor may not name."""

import ast
import random
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from benchmarks.forbidden_references import (
    MISSING,
    PAGES,
    PARAMETERS,
    PRIVATE,
    REFERENCES,
    WORD,
    Folders,
    fault,
    places,
)
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput
from mtl_core.export.included import Included
from mtl_core.store.record import RunState
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.ui.shared.export_popover import note_of_runs, zip_of_runs
from tests.run_story import Story, both, scores, spec_of
from tests.visiting import APP, visited

ROOT = Path(APP).parent


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder that no visitor may name: a manifest, its data, a checkpoint and a text."""
    folders = Folders(tmp_path)
    folders.write()
    return tmp_path / PRIVATE


def page_bytes(app: AppTest) -> bytes:
    """Everything that the page sends to the browser, tables and figures too."""
    protos = (getattr(node, "proto", None) for block in (app.main, app.sidebar) for node in block)
    sent = b"".join(each.SerializeToString() for each in protos if each is not None)
    return sent + "".join(each.value for each in app.error).encode()


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.error, app.warning, app.info)
    return "\n".join(each.value for elements in kinds for each in elements)


def lacks_private_word(app: AppTest) -> bool:
    return WORD.encode() not in page_bytes(app)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_nothing_of_files_outside_the_roots(
    lab: Lab, private: Path, page: str
) -> None:
    named = dict.fromkeys(PARAMETERS, str(private / "notes.json"))
    assert lacks_private_word(visited(page, **{**named, "data": str(private)}))


def test_a_page_that_shows_a_file_or_tells_that_it_exists_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = Folders(tmp_path)
    folders.write()
    monkeypatch.setenv("FREEZE_LAB_DATA", str(tmp_path))
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(tmp_path))
    with closing(open_lab(monkeypatch)):
        assert fault(folders, "data", "data", "{folder}") == "shows the file"
        (tmp_path / PRIVATE / "config.json").write_text("{}")
        told = fault(folders, "freeze", "checkpoint", "{folder}")
        assert told is not None
        assert told.startswith("differs from a missing file")


@pytest.mark.parametrize("page", PAGES)
def test_a_forbidden_file_is_not_told_from_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """A few of the places and references; `benchmarks/forbidden_references.py` tries all."""
    folders = Folders(tmp_path)
    folders.write()
    for name, value in folders.environment().items():
        monkeypatch.setenv(name, value)
    with closing(open_lab(monkeypatch)):
        drawn = random.Random(page)
        tried = [(drawn.choice(places(page)), drawn.choice(REFERENCES)) for _ in range(3)]
        tried += [(parameter, drawn.choice(REFERENCES)) for parameter in ("data", "checkpoint")]
        assert {each: fault(folders, page, *each) for each in tried} == dict.fromkeys(tried)


@pytest.mark.parametrize("parameter", ["data", "checkpoint"])
@pytest.mark.parametrize("page", ["compare", "data", "freeze"])
def test_a_page_says_the_same_of_a_missing_file_and_of_a_forbidden_one(
    lab: Lab, private: Path, page: str, parameter: str
) -> None:
    missing = private.with_name(MISSING)
    shown = [texts(visited(page, **{parameter: str(each)})) for each in (private, missing)]
    assert shown[0].replace(PRIVATE, MISSING) == shown[1]
    assert str(private) in shown[0].replace("\\", "")


@pytest.mark.parametrize(
    "reference",
    ["{roots}/link", "{roots}/../private", "{roots}/folder", "~/x", "a\0b", "/dev/zero", "x" * 499],
)
@pytest.mark.parametrize("page", ["compare", "data", "freeze"])
def test_links_dots_and_odd_names_lead_nowhere(
    private: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, reference: str
) -> None:
    roots = tmp_path / "roots"
    (roots / "folder").mkdir(parents=True)
    (roots / "link").symlink_to(private)
    for name in ("manifest.yaml", "config.json"):
        (roots / "folder" / name).symlink_to(private / name)
    monkeypatch.setenv("FREEZE_LAB_DATA", str(roots))
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(roots))
    opened = open_lab(monkeypatch)
    named = reference.format(roots=roots)
    assert lacks_private_word(visited(page, data=named, checkpoint=named))
    opened.close()


def open_lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    from mtl_core.engine import lab as lab_module
    from mtl_core.settings import Settings

    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    return opened


def stored(lab: Lab, data: Path, scenario: str) -> str:
    """A finished run of the command line, whose owner may read any data."""
    spec = spec_of(scenario, data=str(data))
    story = (
        Story(spec, [4])
        .start()
        .evaluate(scores(0.45, 0.02))
        .phase()
        .learn([both(0.5)] * 4)
        .evaluate(scores(0.8, 0.4))
        .finish(scores(0.8, 0.4))
    )
    record = lab.store.add(spec, RunState.RUNNING)
    lab.store.append(record.id, list(story))
    return record.id


def test_stored_runs_show_no_sentence_of_data_that_the_browser_may_not_read(
    lab: Lab, private: Path
) -> None:
    ids = [stored(lab, private, scenario) for scenario in ("heads-only", "full")]
    assert lacks_private_word(visited("compare", runs=",".join(ids)))
    assert lacks_private_word(visited("train", run=ids[0]))
    assert WORD not in note_of_runs(lab, ids)
    assert WORD.encode() not in zip_of_runs(lab, ids, "folder")
    assert not any(each.key == "export_data" for each in visited("train", run=ids[0]).checkbox)
    with pytest.raises(BadInput, match="or you may not read them"):
        zip_of_runs(lab, ids, "folder", included=Included(data=True, access=lab.access))


def test_the_form_of_a_comparison_refuses_a_forbidden_reference(lab: Lab, private: Path) -> None:
    spec = ComparisonSpec(checkpoint="minilm-l6", scenarios=("full",), seeds=(0,), data="sample")
    for changed in (
        {"data": str(private)},
        {"also_evaluate": (str(private),)},
        {"checkpoint": str(private)},
    ):
        with pytest.raises(BadInput, match="use the command line") as raised:
            lab.start_comparison(spec.model_copy(update=changed))
        assert WORD not in str(raised.value)
    assert lab.store.comparisons() == []


def names_in(module: Path) -> set[str]:
    """All names and attributes that a module uses."""
    nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
    found = {node.id for node in nodes if isinstance(node, ast.Name)}
    found |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    return found | {
        alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
    }


UNCHECKED = {
    *("ANY_FILE", "owner_access", "read_manifest", "read_lines", "read_content", "read_arrow"),
    *("read_plan", "load_run"),
}


@pytest.mark.parametrize(
    "folder", ["mtl_core/ui", "pages", "mtl_core/report", "mtl_core/export", "mtl_core/lessons"]
)
def test_no_page_can_load_unchecked(folder: str) -> None:
    modules = [*(ROOT / folder).rglob("*.py"), ROOT / "app.py"]
    assert {str(each): found for each in modules if (found := names_in(each) & UNCHECKED)} == {}
    makes = {str(each) for each in modules if "FileAccess(" in each.read_text(encoding="utf-8")}
    assert makes == set()


def test_in_the_engine_only_the_command_line_has_the_access_of_the_owner() -> None:
    modules = (ROOT / "mtl_core" / "engine").glob("*.py")
    found = {each.name: names_in(each) & UNCHECKED for each in modules}
    assert {name: names for name, names in found.items() if names} == {
        "foreground.py": {"owner_access"},  # a run in the process of the command
        "lab.py": {"owner_access"},
        "supervisor.py": {"owner_access"},
    }
