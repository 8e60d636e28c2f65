"""No file that leaves the dashboard has a path of this machine."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtl_core.export.bundle import note_page, zipped
from mtl_core.export.parts import BundlePart
from mtl_core.report.load import load_report
from mtl_core.store.record import ComparisonRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from tests.run_story import Story, both, minilm, scores, spec_of

SECRETS = ("/srv/private", "/home/anna", tempfile.gettempdir(), str(Path.home() / "models"))
CHECKPOINT, OTHER = "/home/anna/models/tiny bert", "/home/anna/posts/manifest.yaml"
DATA = "/srv/private/course/manifest.yaml"


@pytest.fixture
def runs(store: RunStore, keep: Callable[[Story], str]) -> list[str]:
    """A finished run, and one that failed with a message about its files."""
    spec = spec_of("top-1", CHECKPOINT, data=DATA, also_evaluate=(OTHER,))
    story = Story(spec, [2]).start().evaluate(scores(0.45, 0.02)).phase()
    story.learn([both(0.5)] * 2).evaluate(scores(0.8, 0.4)).end_phase().finish(scores(0.8, 0.4))
    begin, *_, end = story.events
    begin = begin.model_copy(update={"notes": ("ner: /srv/private/course/b.csv was read",)})
    end = end.model_copy(update={"output": f"{tempfile.gettempdir()}/out/model"})
    finished = keep([begin, *story.events[1:-1], end])
    failed = store.add(spec.model_copy(update={"seed": 7}), RunState.RUNNING)
    store.append(failed.id, story.events[:2])
    store.interrupt(failed.id, f"{DATA}: [Errno 2] {CHECKPOINT}/config.json and /home/anna/x")
    return [finished, failed.id]


def test_names_replace_paths_in_every_file(store: RunStore, runs: list[str]) -> None:
    given = []

    def data_of(spec, _examples):
        given.append(spec.data)

    spec = ComparisonSpec(
        checkpoint=CHECKPOINT, scenarios=("top-1",), seeds=(0, 7), data=DATA, also_evaluate=(OTHER,)
    )
    records = tuple(store.run(run) for run in runs)
    comparison = ComparisonRecord(
        id="c", name="c", spec=spec, created_at=datetime.now(UTC), runs=records
    )
    folders = (Path("/srv/private"),)
    report = load_report(store, runs, lambda _: minilm(), data_of, comparison, folders=folders)
    parts = BundlePart.ALL.parts - {BundlePart.CHECKPOINT}
    with zipfile.ZipFile(io.BytesIO(zipped(report, parts, "both"))) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    files["note"] = note_page(report)
    for secret in SECRETS:
        assert [name for name, text in files.items() if secret in text] == [], secret
    assert set(given) == {DATA}
    spec_file = json.loads(files[f"both/runs/{runs[0]}/spec.json"])
    assert (spec_file["checkpoint"], spec_file["data"]) == (
        *("./tiny bert", "./course/manifest.yaml"),
    )
    assert spec_file["also_evaluate"] == ["./manifest.yaml"]
    events = files[f"both/runs/{runs[0]}/events.jsonl"]
    assert "ner: ./course/b.csv was read" in events
    assert "./course/manifest.yaml: [Errno 2] ./tiny bert/config.json" in files["note"]
    script = files["both/repeat.sh"]
    assert "# --checkpoint './tiny bert'" in script.replace("#   ", "# ")
    items = [each for each in script.splitlines() if each.startswith("# - ")]
    assert items == [
        "# - data course (80 + 20 sentences for sentiment and 80 + 20 sentences for ner)",
        "# - data manifest.yaml",
        "# - checkpoint tiny bert",
    ]
