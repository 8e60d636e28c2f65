"""What every room keeps to."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtl_core import errors

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "mtl_core").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 450, 60

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(tree: ast.AST) -> Iterator[Definition]:
    """Functions, classes and methods, but not what is defined inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from definitions(node)


def tree_of(kind: type[Exception], depth: int = 0) -> Iterator[tuple[int, str]]:
    yield depth, kind.__name__
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from tree_of(below, depth + 1)


def test_the_tree_of_errors_in_the_docstring_is_the_real_one() -> None:
    drawn = [
        (len(line[: line.index(word)]) // 4, word)
        for line in (errors.__doc__ or "").splitlines()[2:]
        for word in [line.strip("│├└─ ").split(" ")[0]]
        if word
    ]
    assert drawn == list(tree_of(errors.FreezeLabError))


@pytest.mark.parametrize("module", [*MODULES, ROOT / "app.py"], ids=lambda path: path.name)
def test_what_is_public_has_a_docstring(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), module
    public = [each for each in definitions(tree) if not each.name.startswith("_")]
    in_private = {
        inner.name
        for outer in definitions(tree)
        if isinstance(outer, ast.ClassDef) and outer.name.startswith("_")
        for inner in outer.body
        if isinstance(inner, Definition)
    }
    silent = [
        each.name for each in public if not ast.get_docstring(each) and each.name not in in_private
    ]
    assert silent == []


@pytest.mark.parametrize("module", [*MODULES, *PAGES, ROOT / "app.py"], ids=lambda path: path.name)
def test_modules_and_functions_stay_short(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    long = [
        each.name
        for each in definitions(ast.parse(text))
        if not isinstance(each, ast.ClassDef)
        and (each.end_lineno or 0) - each.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_pages_holds_only_pages() -> None:
    known = {
        "freeze.py",
        "plan.py",
        "train.py",
        "compare.py",
        "guide.py",
        "predict.py",
        "data.py",
        "checkpoints.py",
    }
    found = {path.name for path in (ROOT / "pages").iterdir()} - {"__pycache__"}

    assert "freeze.py" in found
    assert found <= known


def test_the_reference_pages_say_what_the_program_says() -> None:
    checked = subprocess.run([sys.executable, ROOT / "docs" / "reference.py", "--check"])
    assert checked.returncode == 0, "run `python docs/reference.py`"


@pytest.mark.parametrize("module", [*MODULES, *PAGES], ids=lambda path: path.name)
def test_a_share_is_written_with_a_space_before_its_sign(module: Path) -> None:
    told = re.findall(
        r"""[0-9}]%(?=["'\s.,;:)<])|:\.?[0-9]*%\}""", module.read_text(encoding="utf-8")
    )
    assert told == [], "50 %, as every page writes it"


def test_a_benchmark_started_by_its_path_finds_the_program() -> None:
    for script in sorted((ROOT / "benchmarks").glob("*.py")):
        text = script.read_text(encoding="utf-8")
        uses_the_program = re.search(r"^\s*from (mtl_core|benchmarks|tests)\b", text, re.M)
        if f"python benchmarks/{script.name}" in text and uses_the_program:
            assert "sys.path.insert(0, str(" in text, script.name


def test_every_table_is_drawn_with_text_that_is_safe_in_a_spreadsheet() -> None:
    drawing = [
        path.name for path in (*MODULES, *PAGES) if "st.dataframe(" in path.read_text("utf-8")
    ]
    assert drawing == ["data_table.py"]
