"""One plan file, through the page and through the command line."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from tests.commands import Answer, run_in_home
from tests.visiting import visited

PLAN = """\
name: a head, then the top
phases:
  - {name: one head, train: ["head:sentiment"], epochs: 1, learning_rate: 1.0e-2}
  - {name: top, train: [heads, "top:1"], epochs: 2}
learning_rate: 1.0e-3
head_learning_rate: 5.0e-3
layer_decay: 2.6
schedule: slanted-triangular
freeze: ["*.LayerNorm.*"]
"""
CHOICES = {"epochs": "3", "batch_size": "4", "max_length": "16", "seed": "5"}


def command(*arguments: object) -> Answer:
    answer = run_in_home(Settings.from_environment().home, *arguments)
    assert answer.code == 0, answer.err
    return answer


def finished_on_the_page(lab: Lab, query: dict[str, str]) -> str:
    """Start the run with the page's button and wait for its end; its id."""
    page = visited("train", **query)
    assert not page.warning
    page.button(key="start").click().run()
    (record,) = lab.store.runs()
    deadline = monotonic() + 240
    while not lab.store.run(record.id).state.is_final:
        assert monotonic() < deadline, "the run does not end"
        sleep(0.05)
    assert lab.store.run(record.id).state is RunState.FINISHED
    return record.id


def exact_numbers(events: Sequence[dict[str, Any]]) -> list[object]:
    """Each loss and rate with all its digits."""
    steps = [(e["loss"], e["learning_rates"]) for e in events if e["event"] == "step"]
    return [*steps, *(e["tasks"] for e in events if e["event"] == "evaluation")]


def test_a_plan_file_gives_the_same_table_and_the_same_losses_on_the_page_and_without_it(
    tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "own.plan.yaml"
    file.write_text(PLAN, encoding="utf-8")
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(tiny_checkpoint.parent))
    monkeypatch.setenv("FREEZE_LAB_DATA", str(tiny_data.parent))
    where = {"checkpoint": str(tiny_checkpoint), "data": str(tiny_data)}
    named = [text for name, value in where.items() for text in (f"--{name}", value)]
    chosen = [t for n, v in CHOICES.items() for t in (f"--{n.replace('_', '-')}", v)]

    with Lab(Settings.from_environment()) as lab:
        monkeypatch.setattr(lab_module, "_lab", lab)
        for phase in ("1", "2"):
            inspected = command(
                "inspect", *named, "--plan", file, "--phase", phase, "--format", "json"
            )
            rows = visited("freeze", **where, plan=PLAN, phase=phase).dataframe[0].value
            columns = (rows["Parameter"], rows["State"], rows["Count"])
            shown = {
                (name, state.split()[-1], count)
                for name, state, count in zip(*columns, strict=False)
            }
            table = inspected.json["parameters"]
            assert shown == {(row["name"], row["state"], row["count"]) for row in table}
            assert len(rows) == len(table)
        run = finished_on_the_page(lab, {**where, **CHOICES, "plan": PLAN})
        events = [event.model_dump(mode="json") for _, event in lab.store.events(run)]

    repeated = command("train", *named, *chosen, "--plan", file, "--format", "jsonl").events
    assert exact_numbers(events) == exact_numbers(repeated)
    assert len([e for e in events if e["event"] == "step"]) == 9
