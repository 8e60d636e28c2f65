"""Going on from a run, wrong labels, a random encoder and other data, chosen on the Train page."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.cli.entry import run as command
from mtl_core.engine.lab import Lab
from mtl_core.store.record import RunRecord
from mtl_core.training.spec import RunSpec
from tests.visiting import heading, visited

Train = Callable[..., RunRecord]
SHORT = {"epochs": "0.1", "max_length": "16", "batch_size": "32", "scenario": "heads-only"}
FILLED_IN = {
    "weights_digest": None,
    "data_digests": {},
    "other_data_digests": {},
    "versions": {},
    "processor": None,
}


@pytest.fixture
def checkpoint(tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The tiny checkpoint, in a folder that the dashboard may name."""
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(tiny_checkpoint.parent))
    return str(tiny_checkpoint)


@pytest.fixture
def train(checkpoint: str, lab: Lab, capsys: pytest.CaptureFixture[str]) -> Train:
    """A short run of the command line on the sample, with these options besides; its record."""
    short = [f"--{name.replace('_', '-')}={value}" for name, value in SHORT.items()]

    def trained(*options: object) -> RunRecord:
        asked = ["train", f"--checkpoint={checkpoint}", *short, *map(str, options)]
        assert command(asked) == 0, capsys.readouterr().err
        return lab.store.runs()[0]

    return trained


def asked(spec: RunSpec) -> RunSpec:
    """A spec as it was before its run filled in what it found."""
    return spec.model_copy(update=FILLED_IN)


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.error, app.warning, app.info)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def test_an_ended_run_with_a_model_leads_to_the_form_that_starts_from_it(
    train: Train, checkpoint: str, lab: Lab, tmp_path: Path
) -> None:
    first = train("--output", tmp_path / "first")
    app = visited("train", run=first.id)
    app.button(key="go_on").click().run()
    assert heading(app).startswith("Next run")
    assert f"Starts from the encoder and heads of **{first.id}**" in texts(app)
    names = ("starts_from", "checkpoint", "max_length")
    assert [app.query_params.get(name) for name in names] == [first.id, checkpoint, "16"]
    assert len(lab.store.runs()) == 1
    app.button(key="from_checkpoint").click().run()
    assert "Starts from the encoder" not in texts(app)
    assert "starts_from" not in app.query_params


def test_the_form_asks_for_the_very_run_that_the_command_line_asks_for(
    train: Train, checkpoint: str, lab: Lab, tmp_path: Path
) -> None:
    first = train("--output", tmp_path / "first").id
    staged = ("--starts-from", first, "--also-evaluate", "sample-posts")
    second = train(*staged, "--label-noise", "sentiment=0.3", "--label-noise", "ner=0.1")
    app = visited("train", checkpoint=checkpoint, starts_from=first, **SHORT)
    app.number_input(key="noise_sentiment").set_value(0.3).run()
    app.number_input(key="noise_ner").set_value(0.1).run()
    app.selectbox(key="also_evaluate").set_value("sample-posts").run()
    assert app.query_params["label_noise"] == "sentiment=0.3,ner=0.1"
    noise = "30 % wrong labels in sentiment · 10 % wrong labels in NER"
    assert f"starts from {first} · {noise} · also evaluated on sample-posts" in texts(app)
    app.button(key="start").click().run()
    assert lab.store.runs()[0].id != second.id
    assert asked(lab.store.runs()[0].spec) == asked(second.spec)


def test_a_comparison_started_meanwhile_starts_from_the_same_run(
    train: Train, checkpoint: str, lab: Lab, tmp_path: Path
) -> None:
    first = train("--output", tmp_path / "first").id
    app = visited("compare", checkpoint=checkpoint, starts_from=first, **SHORT)
    assert f"starting from {first}" in texts(app).replace("*", "")
    app.pills(key="scenarios").set_value(["heads-only", "full"]).run()
    app.button(key="start_comparison").click().run()
    assert not app.exception
    made = lab.store.comparisons()[0]
    assert made.spec.starts_from == first
    assert {run.spec.starts_from for run in made.runs} == {first}


def test_a_random_encoder_of_the_form_is_that_of_the_command_line(
    train: Train, checkpoint: str, lab: Lab
) -> None:
    drawn = train("--random-backbone")
    app = visited("train", checkpoint=checkpoint, **SHORT)
    app.toggle(key="random_backbone").set_value(True).run()
    address = dict(app.query_params)
    app.button(key="start").click().run()
    assert asked(lab.store.runs()[0].spec) == asked(drawn.spec)
    again = visited("train", **{name: str(value) for name, value in address.items()})
    assert again.toggle(key="random_backbone").value is True


def test_change_and_run_puts_all_of_it_into_the_form(
    train: Train, lab: Lab, tmp_path: Path
) -> None:
    first = train("--output", tmp_path / "first").id
    noise = ("--label-noise", "ner=0.25", "--also-evaluate", "sample-posts")
    second = train("--starts-from", first, *noise)
    app = visited("train", run=second.id)
    app.button(key="change_and_run").click().run()
    assert app.number_input(key="noise_ner").value == 0.25
    app.button(key="start").click().run()
    assert asked(lab.store.runs()[0].spec) == asked(second.spec)


def test_a_run_without_a_model_offers_no_next_stage_and_cannot_be_a_start(
    train: Train, checkpoint: str
) -> None:
    first = train()
    assert "go_on" not in [each.key for each in visited("train", run=first.id).button]
    app = visited("train", checkpoint=checkpoint, starts_from=first.id, **SHORT)
    assert app.button(key="start").disabled
    assert f"Run '{first.id}' has no saved model." in texts(app)


def test_what_does_not_go_together_disables_start_and_says_why(
    train: Train, checkpoint: str, tmp_path: Path
) -> None:
    first = train("--output", tmp_path / "first").id
    app = visited("train", starts_from=first)
    assert app.button(key="start").disabled
    assert f"Run '{first}' trained '{checkpoint}', this one trains 'minilm-l6'" in texts(app)
    both = {**SHORT, "starts_from": first, "random_backbone": "true"}
    app = visited("train", checkpoint=checkpoint, **both)
    assert app.button(key="start").disabled
    assert "cannot have a random encoder too" in texts(app)


def test_wrong_values_in_the_address_are_ignored_with_a_note(lab: Lab) -> None:
    wrong = {"label_noise": "ner=2", "random_backbone": "perhaps", "also_evaluate": "elsewhere"}
    app = visited("train", **wrong)
    assert "expected task=share with a share from 0 to 1" in texts(app)
    assert "expected task=share with a share from 0 to 1" in texts(app)
    assert "Random encoder perhaps: it should be a valid boolean" in texts(app)
    assert "Also evaluate elsewhere: it should be" in texts(app)
    assert not app.button(key="start").disabled


def test_wrong_labels_of_a_task_that_the_data_do_not_have_disable_start(lab: Lab) -> None:
    app = visited("train", label_noise="topic=0.3")
    assert app.button(key="start").disabled
    assert "Label noise for 'topic': there is no such task." in texts(app)


def test_other_data_are_offered_beside_the_sample_only(lab: Lab) -> None:
    app = visited("train", data="sample-posts", also_evaluate="sample-posts")
    assert "also_evaluate" not in [each.key for each in app.selectbox]
    app.button(key="start").click().run()
    assert lab.store.runs()[0].spec.also_evaluate == ()
