"""Names files that a visitor may not read in every place of every page.

    python benchmarks/forbidden_references.py [--results FILE]

Each reference is tried twice: where it leads to a file outside the allowed folders, and where it
leads nowhere. A page fails if it shows a word of the file, or anything else that differs between
the two each time that it is tried: notes of a page may also differ by the moment of a rerun. Places
are the query parameters and the text fields of a page. Places in --results are not repeated. Prints
how many were tried on each page; exits with 1 if one failed.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
APP = str(ROOT / "app.py")
WORD = "Quetzalcoatl"
PRIVATE, MISSING = "folder-1", "folder-2"  # differ in the last letter, so that cut-off texts do not
_TRIES = 3
PAGES = tuple(sorted(page.stem for page in (ROOT / "pages").glob("*.py")))
PARAMETERS = (
    *("checkpoint", "data", "plan", "scenario", "starts_from", "also_evaluate", "label_noise"),
    *("runs", "run", "comparison", "deleted", "text", "guide_test", "shot"),
)
REFERENCES = (
    "{folder}",
    "{folder}/",
    "{folder}/.",
    "//{folder}",
    " {folder}",
    "{folder}\n",
    "{folder}\0",
    "{folder}/manifest.yaml",
    "{folder}/config.json",
    "{folder}/notes.json",
    "{folder}/a.csv",
    "file://{folder}",
    "file:{folder}/manifest.yaml",
    "/proc/self/root{folder}",
    "{relative}",
    "sample/../{relative}",
    "{roots}/../{name}",
    "{roots}/link-{name}",
    "{roots}/%2e%2e/{name}",
    "~/{name}",
    "$HOME/{name}",
    "{fullwidth}",
)


@dataclass(frozen=True, slots=True)
class Folders:
    """A folder that no visitor may name, beside one of allowed files with links to it."""

    parent: Path

    @property
    def roots(self) -> Path:
        """The folder that visitors may read."""
        return self.parent / "roots"

    def write(self) -> None:
        """Write a manifest, its data, a configuration and a text into the private folder."""
        folder = self.parent / PRIVATE
        folder.mkdir()
        self.roots.mkdir()
        for name in (PRIVATE, MISSING):
            (self.roots / f"link-{name}").symlink_to(self.parent / name)
        reviews = f"text,label\n{WORD} good,positive\n{WORD} bad,negative\n"
        tags = f"{WORD}\tB-PER\nsaw\tO\nRome\tB-LOC\nAcme\tB-ORG\n"
        tasks = {
            name: {"kind": kind, "head": head, "train": file, "validation": file}
            for name, kind, head, file in (
                ("sentiment", "sentence", "classifier", "a.csv"),
                ("ner", "token", "ner", "a.conll"),
            )
        }
        contents = {
            "a.csv": reviews,
            "a.conll": tags,
            "manifest.yaml": json.dumps({"tasks": tasks}),
            "config.json": f'{{"model_type": "{WORD}"}}',
            "notes.json": f"{WORD}: {WORD}\n",
        }
        for name, content in contents.items():
            (folder / name).write_text(content, encoding="utf-8")

    def environment(self) -> dict[str, str]:
        """The settings of a server whose visitors may read `roots` and nothing else."""
        return {
            "HOME": str(self.parent),
            "FREEZE_LAB_HOME": str(self.parent / "home"),
            "FREEZE_LAB_DATA": str(self.roots),
            "FREEZE_LAB_CHECKPOINTS": str(self.roots),
        }

    def reference(self, pattern: str, name: str) -> str:
        """One of `REFERENCES` to the private folder or to the missing one."""
        folder = self.parent / name
        return pattern.format(
            folder=folder,
            name=name,
            roots=self.roots,
            relative=os.path.relpath(folder),
            fullwidth=str(folder).replace("/", "\uff0f"),
        )


def places(page: str) -> list[str]:
    """The query parameters, and the keys of the text fields that a page shows without any.

    The sentence on Predict is left out: its prediction differs with the words of a reference.
    """
    app = _visited(page, {})
    fields = (f"field:{each.key}" for each in (*app.text_input, *app.text_area) if each.key)
    sentence = ("text", "field:text") if page == "predict" else ()
    return [each for each in (*PARAMETERS, *fields) if each not in sentence]


def fault(folders: Folders, page: str, place: str, pattern: str) -> str | None:
    """What a visitor learns of a forbidden file by a reference in one place; None for nothing."""
    shown = []
    for name in (PRIVATE, MISSING):
        texts = list(_texts(_page_with(page, place, folders.reference(pattern, name))))
        if any(WORD in text for text in texts):
            return "shows the file"
        shown.append([text.replace(PRIVATE, MISSING) for text in texts])
    differing = [pair for pair in zip(*shown, strict=False) if pair[0] != pair[1]]
    if differing or len(shown[0]) != len(shown[1]):
        return f"differs from a missing file: {differing[:2]}"
    return None


def _repeated_fault(folders: Folders, page: str, place: str, pattern: str) -> str | None:
    """The fault that all of three tries have; None if one has none."""
    found = None
    for _ in range(_TRIES):
        found = fault(folders, page, place, pattern)
        if found is None:
            break
    return found


def _page_with(page: str, place: str, reference: str) -> AppTest:
    if not place.startswith("field:"):
        return _visited(page, {place: reference})
    app, key = _visited(page, {}), place.removeprefix("field:")
    field = next(each for each in (*app.text_input, *app.text_area) if each.key == key)
    field.set_value(reference)
    return app.run()


def _visited(page: str, query: dict[str, str]) -> AppTest:
    from mtl_core.ui.shared.keys import Key

    app = AppTest.from_file(APP, default_timeout=120)
    app.session_state[Key.VISITOR] = "1" * 32
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


def _texts(app: AppTest) -> Iterator[str]:
    """Everything that the page shows, element by element, and its uncaught exceptions."""
    for block in (app.main, app.sidebar):
        for node in block:
            label, value = (getattr(node, name, "") for name in ("label", "value"))
            yield f"{node.type} {label} {value} {getattr(node, 'options', '')}"


def main() -> int:
    """Try what the results lack and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("forbidden_references.jsonl"))
    results = parser.parse_args().results
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {(row["page"], row["place"], row["reference"]) for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        folders = Folders(Path(folder))
        folders.write()
        os.environ.update(folders.environment())
        for page in PAGES:
            for place in places(page):
                for pattern in REFERENCES:
                    if (page, place, pattern) in done:
                        continue
                    found = _repeated_fault(folders, page, place, pattern)
                    row = {"page": page, "place": place, "reference": pattern, "fault": found}
                    rows.append(row)
                    with results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
                    if found:
                        print(row, file=sys.stderr, flush=True)
    return _report(rows)


def _report(rows: list[dict[str, str]]) -> int:
    tried = Counter(row["page"] for row in rows)
    faults = Counter(row["page"] for row in rows if row["fault"])
    print("| page | tried | faults |\n|---|--:|--:|")
    for page in PAGES:
        print(f"| {page} | {tried[page]:,} | {faults[page]} |")
    print(f"| all | {tried.total():,} | {faults.total()} |")
    return int(faults.total() > 0)


if __name__ == "__main__":
    sys.exit(main())
