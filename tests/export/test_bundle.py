"""Which files a bundle holds, as a folder and as a zip."""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mtl_core.errors import BadInput, OutputNotEmpty, UnknownRun
from mtl_core.export.bundle import without_checkpoint, write_folder, zipped
from mtl_core.export.parts import BundlePart
from mtl_core.freezing.plan_file import read_plan
from mtl_core.report.load import Report, load_report
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.spec import RunSpec
from tests.run_story import Story, both, finished_heads_only, minilm, scores, spec_of

Read = Callable[..., Report]
NO_MODELS = BundlePart.ALL.parts - {BundlePart.CHECKPOINT}


def files_in(folder: Path) -> set[str]:
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def of_run(run: str) -> set[str]:
    names = ("spec.json", "plan.yaml", "repeat.sh", "environment.json", "events.jsonl")
    return {f"runs/{run}/{name}" for name in names}


def test_everything_of_two_runs_is_these_files(
    read: Read, pair: tuple[str, str], tmp_path: Path
) -> None:
    one, two = pair
    write_folder(read(*pair), BundlePart.ALL.parts, tmp_path / "bundle")
    figures = {f"stack-{run}" for run in pair} | {"loss-1-sentiment", "loss-2-ner", "freeze-map"}
    costs = ("seconds", "peak-memory", "trained-share")
    figures |= {f"front-{task}-{cost}" for task in ("1-sentiment", "2-ner") for cost in costs}
    tables = {"scores", "losses", "learning-rates", "evaluations", "differences"}
    tables |= {"plans", "fronts"}
    tables |= {f"parameters-{run}" for run in pair}
    assert files_in(tmp_path / "bundle") == {
        *("note.html", "note.md"),
        *(f"tables/{name}.csv" for name in tables),
        *(f"figures/{n}{kind}" for n in figures for kind in (".svg", ".dark.svg", ".plotly.json")),
        *of_run(one),
        *of_run(two),
    }


@pytest.mark.parametrize(
    ("what", "folders"),
    [
        (BundlePart.NOTE, {"note.html", "note.md", "figures", "runs"}),
        (BundlePart.FIGURES, {"figures", "runs"}),
        (BundlePart.TABLES, {"tables", "runs"}),
    ],
)
def test_a_part_holds_only_its_own_files(
    read: Read, pair: tuple[str, str], tmp_path: Path, what: BundlePart, folders: set[str]
) -> None:
    write_folder(read(*pair), what.parts, tmp_path / "bundle")
    assert {each.name for each in (tmp_path / "bundle").iterdir()} == folders


def test_every_figure_of_the_markdown_is_in_the_bundle(
    read: Read, pair: tuple[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    write_folder(read(*pair), BundlePart.NOTE.parts, folder)
    text = (folder / "note.md").read_text(encoding="utf-8")
    shown = {part.partition(")")[0] for part in text.split("](")[1:]}
    assert len(shown) == 11
    assert shown <= files_in(folder)


def test_spec_plan_and_events_are_read_back_as_they_were(
    read: Read, pair: tuple[str, str], tmp_path: Path
) -> None:
    report = read(*pair)
    write_folder(report, BundlePart.TABLES.parts, tmp_path / "bundle")
    for run in report.runs:
        folder = tmp_path / "bundle" / "runs" / run.id
        assert RunSpec.model_validate_json((folder / "spec.json").read_text()) == run.summary.spec
        assert read_plan(folder / "plan.yaml") == run.summary.spec.plan
        assert yaml.safe_load((folder / "plan.yaml").read_text())["name"] == run.record.name
        lines = (folder / "events.jsonl").read_text().splitlines()
        assert [json.loads(line)["event"] for line in lines][:2] == ["run_started", "evaluation"]
        assert len(lines) == run.record.last_event
        assert json.loads((folder / "environment.json").read_text()) == {"threads": "1"}
        assert os.access(folder / "repeat.sh", os.X_OK)


def test_a_zip_opens_and_holds_the_same_files_below_one_folder(
    read: Read, pair: tuple[str, str], tmp_path: Path
) -> None:
    report = read(*pair)
    write_folder(report, NO_MODELS, tmp_path / "bundle")
    with zipfile.ZipFile(io.BytesIO(zipped(report, NO_MODELS, "two-runs"))) as archive:
        assert archive.testzip() is None
        names = {name.removeprefix("two-runs/") for name in archive.namelist()}
        script = archive.getinfo(f"two-runs/runs/{pair[0]}/repeat.sh")
        losses = archive.read("two-runs/tables/losses.csv")
    assert names == files_in(tmp_path / "bundle")
    assert script.external_attr >> 16 == 0o755
    assert losses == (tmp_path / "bundle" / "tables" / "losses.csv").read_bytes()


def test_a_folder_that_is_not_empty_is_refused_and_unchanged(
    read: Read, pair: tuple[str, str], tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OutputNotEmpty, match="is not empty"):
        write_folder(read(*pair), BundlePart.ALL.parts, tmp_path / "full")
    assert files_in(tmp_path / "full") == {"mine.txt"}


def test_an_unknown_run_is_refused_with_the_nearest(read: Read, pair: tuple[str, str]) -> None:
    with pytest.raises(UnknownRun, match=rf"no run '{pair[0]}x'\. Nearest: {pair[0]}"):
        read(f"{pair[0]}x")


def test_a_run_named_twice_is_exported_once(read: Read, pair: tuple[str, str]) -> None:
    assert [run.id for run in read(pair[0], *pair).runs] == list(pair)


def test_exporting_only_models_is_refused_without_a_saved_model(
    read: Read, pair: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"No run has a saved model to export\. .*with --output DIR"):
        write_folder(read(*pair), BundlePart.CHECKPOINT.parts, tmp_path / "bundle")
    assert list(tmp_path.glob("*bundle*")) == []
    assert len(without_checkpoint(read(*pair))) == 2


@pytest.mark.parametrize(
    ("events", "says"),
    [
        (1, "Interrupted before its first step. Somebody pulled the plug."),
        (5, "Interrupted at step 2 of 4. Somebody pulled the plug."),
    ],
)
def test_an_unfinished_run_is_exported(
    store: RunStore, read: Read, tmp_path: Path, events: int, says: str
) -> None:
    story = Story(spec_of("heads-only"), [4]).start().evaluate(scores(0.45, 0.02)).phase()
    story.learn([both(0.5)] * 4)
    record = store.add(story.spec, RunState.RUNNING)
    store.append(record.id, story.events[:events])
    store.interrupt(record.id, "Somebody pulled the plug.")
    report = read(record.id)
    assert report.unfinished == (f"heads only ({record.id}) has not finished. {says}",)
    write_folder(report, NO_MODELS, tmp_path / "bundle")
    assert says in (tmp_path / "bundle" / "note.html").read_text(encoding="utf-8")
    assert says in (tmp_path / "bundle" / "note.md").read_text(encoding="utf-8")


def test_a_waiting_run_is_exported_as_its_plan(store: RunStore, read: Read, tmp_path: Path) -> None:
    record = store.add(spec_of("full"))
    write_folder(read(record.id), NO_MODELS, tmp_path / "bundle")
    names = files_in(tmp_path / "bundle")
    assert f"figures/stack-{record.id}.svg" in names
    assert not any("figures/loss" in name for name in names)


def test_a_run_without_its_checkpoint_is_exported_without_its_tensors(
    store: RunStore, pair: tuple[str, str], tmp_path: Path
) -> None:
    write_folder(load_report(store, pair, lambda _: None), NO_MODELS, tmp_path / "bundle")
    names = files_in(tmp_path / "bundle")
    assert "figures/loss-1-sentiment.svg" in names
    assert not any("stack" in name or "parameters" in name for name in names)


def test_plans_of_phases_are_drawn_phase_by_phase(
    read: Read, keep: Callable[[Story], str], tmp_path: Path
) -> None:
    spec = spec_of("gradual")
    run = keep(Story(spec, [2, 2, 2, 2]).start().evaluate(scores(0.45, 0.02)))
    write_folder(read(run), BundlePart.FIGURES.parts, tmp_path / "alone")
    stacks = {path.name for path in (tmp_path / "alone" / "figures").glob("stack*.plotly.json")}
    assert stacks == {f"stack-{run}-phase-{n}.plotly.json" for n in (1, 2, 3, 4)}
    write_folder(read(run, keep(finished_heads_only())), BundlePart.FIGURES.parts, tmp_path / "two")
    names = {path.name for path in (tmp_path / "two" / "figures").glob(f"stack-{run}*.json")}
    assert names == {f"stack-{run}-phase-4.plotly.json"}
    assert minilm().backbone.depth == 6


def test_figures_are_written_as_png_on_request(
    read: Read, pair: tuple[str, str], tmp_path: Path
) -> None:
    write_folder(read(*pair), BundlePart.FIGURES.parts, tmp_path / "bundle", png=True)
    figures = tmp_path / "bundle" / "figures"
    drawn = {each.name.removesuffix(".svg") for each in figures.glob("*.svg")}
    assert {each.name.removesuffix(".png") for each in figures.glob("*.png")} == drawn
    svg = (figures / "loss-1-sentiment.svg").read_text(encoding="utf-8")
    found = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert found is not None
    width, height = found.groups()
    png = (figures / "loss-1-sentiment.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    size = (int.from_bytes(png[16:20]), int.from_bytes(png[20:24]))
    assert size == (2 * int(width), 2 * int(height))
    assert png != (figures / "loss-1-sentiment.dark.png").read_bytes()
