from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.models.catalogue import catalogue
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from tests.run_story import finished_heads_only, spec_of
from tests.visiting import heading, visited

NAMES = [known.name for known in catalogue()]


def checkpoints_page(**query: str) -> AppTest:
    return visited("checkpoints", **query)


def texts(app: AppTest) -> str:
    shown = (app.markdown, app.caption, app.error, app.warning)
    return "\n".join(each.value for elements in shown for each in elements).replace("\\", "")


def card(app: AppTest, name: str) -> str:
    """The lines of facts on one checkpoint's card."""
    values = [each.value.replace("\\", "") for each in app.markdown]
    place = next(i for i, value in enumerate(values) if value.startswith(f"**{name}** "))
    return "\n".join(values[place : place + 3])


def test_the_headline_names_a_checkpoint_for_each_kind_of_text(lab: Lab) -> None:
    assert heading(checkpoints_page()) == (
        "Start with minilm-l6; use biobert for medicine, legal-bert for law "
        "and xlm-roberta-base for several languages"
    )


def test_every_checkpoint_has_a_card_under_its_kind_of_text(lab: Lab) -> None:
    app = checkpoints_page()
    assert {button.key for button in app.button} == {
        "freeze_chosen",
        *(f"freeze_{name}" for name in NAMES),
    }
    titles = [each.value.split(" :")[0] for each in app.markdown if each.value.startswith("## ")]
    assert titles[2:] == [
        "## General English",
        "## Several languages",
        "## Biomedical",
        "## Legal",
    ]


def test_a_card_states_size_vocabulary_memory_work_download_and_licence(lab: Lab) -> None:
    text = card(checkpoints_page(), "bert-large-uncased")
    assert "not downloaded" in text
    assert ":gray[Size] 335 M parameters, 24 layers × 1,024" in text
    assert ":gray[Tokenizer] 30,522 WordPieces, uncased, 512 tokens" in text
    assert ":gray[Memory] 5.36 GB for full fine-tuning, without activations" in text
    assert ":gray[Compute] 28.4 × minilm-l6 per token" in text
    assert ":gray[Download] 1.34 GB, Apache-2.0" in text
    assert "Measured" not in text


def test_a_card_without_weights_shows_the_download_command(lab: Lab) -> None:
    commands = [each.value for each in checkpoints_page().code]
    assert len(commands) == len(NAMES) - 1
    assert any(each.startswith("hf download dmis-lab/biobert-v1.1 ") for each in commands)
    assert "ready to train" in card(checkpoints_page(), "minilm-l6")


def test_a_finished_run_gives_its_checkpoint_a_measured_pace(lab: Lab) -> None:
    for _ in range(2):
        record = lab.store.add(spec_of("heads-only"), RunState.RUNNING)
        for event in finished_heads_only(record.id):
            lab.store.append(record.id, [event])
    lab.store.add(spec_of("full"), RunState.WAITING)
    app = checkpoints_page()
    text = ":gray[Measured] 3.8 s per step (heads only, batch size 16, 1 thread), in 2 runs"
    assert text in card(app, "minilm-l6")
    assert "Measured" not in card(app, "minilm-l12")


def test_freezing_a_checkpoint_selects_it_and_keeps_the_other_settings(lab: Lab) -> None:
    app = checkpoints_page(scenario="gradual", phase="3", seed="7")
    app.button(key="freeze_distilbert-base-uncased").click().run()
    assert not app.exception
    assert app.selectbox(key="checkpoint").value == "distilbert-base-uncased"
    assert app.pills(key="scenario").value == "gradual"
    assert app.query_params["seed"] == "7"
    assert app.query_params["checkpoint"] == "distilbert-base-uncased"
    assert "phase" not in app.query_params
    app.switch_page("pages/checkpoints.py").run()
    assert "selected" in card(app, "distilbert-base-uncased")
    assert app.button(key="freeze_chosen").label == "Freeze distilbert-base-uncased"


def test_a_checkpoint_named_by_its_hub_id_is_marked_as_chosen(lab: Lab) -> None:
    app = checkpoints_page(checkpoint="google-bert/bert-base-uncased")
    assert "not downloaded · selected" in card(app, "bert-base-uncased")


def test_example_words_are_split_by_the_available_tokenizer(lab: Lab) -> None:
    text = texts(checkpoints_page())
    assert "## minilm-l6 splits “acetylcholinesterase” into 6 tokens" in text
    assert ":gray-badge[est] :gray-badge[op] :gray-badge[pel] :small[:gray[3 tokens]]" in text


def test_missing_tokenizers_are_named(lab: Lab) -> None:
    text = texts(checkpoints_page(checkpoint="legal-bert"))
    assert "are not on this machine: legal-bert, bert-base-uncased" in text
    assert text.count(":small[:gray[Legal]]") == 1


def test_the_visitors_words_come_first(lab: Lab) -> None:
    app = checkpoints_page()
    app.text_input(key="own_words").set_value("hydroxychloroquine, *bold*").run()
    assert not app.exception
    text = texts(app)
    assert ":small[:gray[Your own words]]" in text
    assert ":gray-badge[hydro] :gray-badge[xy] :gray-badge[ch]" in text
    assert any(":gray-badge[\\*]" in each.value for each in app.markdown)


def test_too_many_and_too_long_words_are_left_out_and_the_page_says_so(lab: Lab) -> None:
    app = checkpoints_page()
    app.text_input(key="own_words").set_value(" ".join([*"abcdefghijklmn", "x" * 41])).run()
    text = texts(app)
    assert "A word of more than 40 characters was left out." in text
    assert "The first 12 of 14 words are shown." in text


def test_a_local_checkpoint_is_shown_beside_the_others(
    monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path
) -> None:
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(tiny_checkpoint.parent))
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    app = checkpoints_page(checkpoint=str(tiny_checkpoint))
    text = texts(app)
    assert "selected: tiny-bert" in text
    assert text.count(":small[:gray[Legal]]") == 2
    assert "1 token, with an unknown token" in text
    opened.store.close()


def test_a_damaged_tokenizer_is_named_and_the_page_still_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "config.json").write_bytes((tiny_checkpoint / "config.json").read_bytes())
    (folder / "tokenizer.json").write_text("not JSON")
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(tmp_path))
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    app = checkpoints_page(checkpoint=str(folder))
    assert [each.value for each in app.error] == ["The tokenizer.json of damaged cannot be read."]
    assert "## minilm-l6 splits" in texts(app)
    opened.store.close()


def test_the_freeze_page_leads_here_with_the_choice(lab: Lab) -> None:
    app = visited("freeze", scenario="full")
    (link,) = app.get("page_link")
    assert "Compare checkpoints" in link.proto.label
    assert link.proto.page == "checkpoints"
