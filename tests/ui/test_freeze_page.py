from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.freezing.resolve import parameter_table
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.settings import Settings
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.spec import RunSpec
from mtl_core.ui.freeze.overview import share_text
from mtl_core.ui.freeze.table_view import in_diagram_order, matching
from mtl_core.ui.shared.choice import Choice, choice_from
from mtl_core.ui.shared.page import plain
from tests.visiting import imported_by

APP = str(Path(__file__).parents[2] / "app.py")
BERT = ModelDescription(read_description(shipped_description("bert-base-uncased")), DEFAULT_TASKS)
VERSUS_FULL = ", relative to full fine-tuning"
OF_BERT = "109,486,854 parameters"


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The process's lab, on this test's own store; nobody works through its queue."""
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    yield opened
    opened.close()


def freeze_page(**query: str) -> AppTest:
    """The Freeze page as a visitor of this address sees it."""
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def choose(app: AppTest, key: str, value: Any) -> AppTest:
    app.get_by_key(key).set_value(value).run()
    assert not app.exception
    return app


def open_more(app: AppTest) -> AppTest:
    """Open the popover with rates, data and a plan of one's own, as a click does."""
    app.session_state["more"] = True
    app.run()
    assert not app.exception
    return app


def heading(app: AppTest) -> str:
    answer = next(each.value for each in app.markdown if each.value.startswith("# "))
    return answer.removeprefix("# ")


def metrics(app: AppTest) -> dict[str, tuple[str, str]]:
    return {each.label: (each.value, each.delta) for each in app.metric}


def notes(app: AppTest) -> str:
    return "\n".join(each.value for each in app.warning).replace("\\", "")


def address(app: AppTest) -> dict[str, str]:
    values = app.query_params.items()
    return {name: each if isinstance(each, str) else each[-1] for name, each in values}


def test_the_first_page_shows_heads_only_of_the_checkpoint_that_can_be_trained(lab: Lab) -> None:
    app = freeze_page()
    assert heading(app) == ":orange[2,310] of 22,715,526 parameters are trainable: 0.01 %"
    assert len(app.dataframe[0].value) == 107
    assert address(app) == {}


@pytest.mark.parametrize(
    ("scenario", "answer", "frozen", "crossed"),
    [
        (
            "heads-only",
            f":orange[4,614] of {OF_BERT} are trainable: 0.004 %",
            "199 of 203",
            "0 of 12",
        ),
        ("top-1", f":orange[7,092,486] of {OF_BERT} are trainable: 6.5 %", "183 of 203", "1 of 12"),
        (
            "full",
            f":orange[108,896,262] of {OF_BERT} are trainable: 99.5 %",
            "0 of 203",
            "12 of 12",
        ),
        ("frozen", f"Nothing is trained: all {OF_BERT} are frozen", "203 of 203", "0 of 12"),
    ],
)
def test_selecting_a_scenario_shows_its_counts(
    lab: Lab, scenario: str, answer: str, frozen: str, crossed: str
) -> None:
    app = choose(freeze_page(), "checkpoint", "bert-base-uncased")
    choose(app, "scenario", scenario)
    assert heading(app) == answer
    assert metrics(app)["Frozen tensors"][0] == frozen
    assert metrics(app)["Layers in the backward pass"][0] == crossed
    assert notes(app) == ""


def test_the_pooler_is_unreached_under_full_and_the_caption_explains_it(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="full")
    choose(app, "state_filter", "unreached")
    shown = app.dataframe[0].value
    assert shown["Parameter"].tolist() == ["bert.pooler.dense.weight", "bert.pooler.dense.bias"]
    assert shown["Count"].sum() == 590_592
    badges = [each.value for each in app.markdown if "unreached · " in each.value]
    assert badges == [":gray-badge[○ unreached · 2 tensors, 590,592 parameters]"]
    assert any(
        "selected for training, but no loss depends on it" in each.value for each in app.caption
    )


def test_each_phase_of_gradual_trains_one_more_layer(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="gradual")
    of_all = f":orange[4,614, then up to 21,268,230] of {OF_BERT} are trainable"
    for phase, trainable in ((1, "4,614"), (2, "7,092,486"), (4, "21,268,230")):
        choose(app, "phase", phase)
        assert metrics(app)["Trainable parameters"][0] == trainable
        assert heading(app) == of_all
    assert any(each.value.startswith("gradual, phase 4 of 4") for each in app.caption)
    assert address(app)["phase"] == "4"


@pytest.mark.parametrize(
    ("scenario", "work", "memory"),
    [
        (
            "heads-only",
            f"{VERSUS_FULL}: **33 %** FLOPs (**0.002 %** with reuse)",
            "12 % memory",
        ),
        ("bitfit", f"{VERSUS_FULL}: **68 %** FLOPs", "49 % memory"),
        ("full", f"{VERSUS_FULL}: **100 %** FLOPs", "100 % memory"),
        ("frozen", ": nothing is trained, so there are no steps", ""),
    ],
)
def test_a_step_is_compared_with_full(lab: Lab, scenario: str, work: str, memory: str) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario=scenario)
    text = next(each.value for each in app.markdown if "**One step**" in each.value)
    assert text.startswith(f":small[**One step** of 16 × 128 tokens{work}")
    assert memory in text


@pytest.mark.parametrize(
    ("scenario", "phase", "kept", "crossed"),
    [
        (
            "bitfit",
            "1",
            "0.10 % of the parameters are trainable, and the saved activations take 71 %",
            "12 of 12",
        ),
        (
            "layernorm",
            "1",
            "0.04 % of the parameters are trainable, and the saved activations take 51 %",
            "12 of 12",
        ),
        (
            "bottom-1",
            "1",
            "6.48 % of the parameters are trainable, and the saved activations take 47 %",
            "12 of 12",
        ),
        (
            "chain-thaw",
            "9",
            "6.47 % of the parameters are trainable, and the saved activations take 26 %",
            "6 of 12",
        ),
    ],
)
def test_the_reason_for_a_high_cost_is_shown_without_a_click(
    lab: Lab, scenario: str, phase: str, kept: str, crossed: str
) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario=scenario, phase=phase)
    (text,) = [
        each.value for each in app.markdown if "lowest trainable tensor decides" in each.value
    ]
    assert text.startswith(f":small[{kept}")
    assert f"the gradient passes through {crossed} layers" in text
    line = next(each for each in app.markdown if "**One step**" in each.value)
    assert "lowest trainable tensor decides" not in line.help


@pytest.mark.parametrize("scenario", ["frozen", "heads-only", "top-3", "full"])
def test_the_reason_for_an_expected_cost_is_in_the_tooltip(lab: Lab, scenario: str) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario=scenario)
    assert not any("the saved activations take" in each.value for each in app.markdown)
    line = next(each for each in app.markdown if "**One step**" in each.value)
    assert "saved" in line.help


def test_a_steps_cost_follows_the_batch_and_the_phase(lab: Lab) -> None:
    app = freeze_page(scenario="gradual", phase="4", batch_size="8", max_length="64")
    text = next(each.value for each in app.markdown if "**One step**" in each.value)
    assert "of 8 × 64 tokens" in text
    before = text.partition(" FLOPs")[0]
    choose(app, "phase", 1)
    text = next(each.value for each in app.markdown if "**One step**" in each.value)
    assert text.partition(" FLOPs")[0] != before


def test_another_scenario_begins_at_its_first_phase(lab: Lab) -> None:
    app = freeze_page(scenario="gradual", phase="3")
    choose(app, "scenario", "full")
    assert "phase" not in address(app)
    assert notes(app) == ""


def test_the_table_has_the_order_of_the_diagram(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased")
    parts = list(dict.fromkeys(app.dataframe[0].value["Part"]))
    layers = [f"layer {number}" for number in range(11, -1, -1)]
    assert parts == ["classifier", "ner", "pooler", *layers, "embeddings"]


def test_filters_select_rows_and_the_caption_counts_them(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="top-1")
    choose(app, "state_filter", "trainable")
    choose(app, "group_filter", "layer 11")
    choose(app, "text_filter", "LAYERNORM")
    shown = app.dataframe[0].value
    assert len(shown) == 4
    assert set(shown["Part"]) == {"layer 11"}
    assert any(each.value == "top layer · 4 of 203 names" for each in app.caption)


def test_a_filter_for_a_missing_part_is_reset(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased")
    choose(app, "group_filter", "layer 11")
    choose(app, "checkpoint", "minilm-l6")
    assert len(app.dataframe[0].value) == 107


def test_an_address_holds_every_choice(lab: Lab) -> None:
    query = {
        "checkpoint": "bert-base-uncased",
        "scenario": "gradual",
        "phase": "2",
        "epochs": "4.5",
        "batch_size": "8",
        "max_length": "64",
        "seed": "7",
        "learning_rate": "3e-05",
        "head_learning_rate": "0.02",
    }
    app = freeze_page(**query)
    assert address(app) == query
    assert metrics(app)["Learning rate, heads"] == ("2e-2", "encoder 3e-5")


def test_bad_values_in_an_address_are_ignored_and_named(lab: Lab) -> None:
    app = freeze_page(
        checkpoint="bert-bas-uncased", scenario="top-99", epochs="-1", seed="many", phase="x"
    )
    assert heading(app).startswith(":orange[2,310]")
    text = notes(app)
    assert "Checkpoint bert-bas-uncased: " in text
    assert "Nearest: bert-base-uncased" in text
    assert "Scenario top-99: " in text
    assert "so top-1 to top-6 exist" in text
    for problem in (
        "Epochs -1: it should be greater than 0. 3 is used.",
        "Seed many: it should be a valid integer",
        "Phase x: it should be a valid integer",
    ):
        assert problem in text
    assert address(app) == {}


def test_a_scenario_that_does_not_fit_the_checkpoint_is_replaced_with_a_note(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="top-9")
    assert heading(app).startswith(":orange[63,795,462]")
    choose(app, "checkpoint", "minilm-l6")
    assert heading(app).startswith(":orange[2,310]")
    assert "Scenario top-9: " in notes(app)


def test_a_phase_beyond_the_plan_is_ignored_with_a_note(lab: Lab) -> None:
    app = freeze_page(scenario="gradual", phase="9")
    assert "Phase 9: this plan has 4 phases. 1 is used." in notes(app)


def test_a_local_path_outside_the_roots_is_refused(lab: Lab, tiny_checkpoint: Path) -> None:
    app = freeze_page(checkpoint=str(tiny_checkpoint))
    assert "this dashboard may not read local paths" in notes(app)
    assert heading(app).startswith(":orange[2,310]")


def test_data_outside_the_roots_are_refused(lab: Lab, tiny_data: Path) -> None:
    assert "FREEZE_LAB_DATA" in notes(freeze_page(data=str(tiny_data)))


def test_more_than_three_top_layers_are_chosen_from_the_list(lab: Lab) -> None:
    app = open_more(freeze_page(checkpoint="bert-base-uncased"))
    choose(app, "top_layers", 5)
    assert heading(app).startswith(":orange[35,443,974]")
    assert address(app)["scenario"] == "top-5"
    choose(app, "scenario", "full")
    assert heading(app).startswith(":orange[108,896,262]")


@pytest.mark.parametrize(
    ("scenario", "learns", "phases"),
    [
        ("bitfit", "106,758", 1),
        ("layernorm", "43,014", 1),
        ("bottom-2", "14,180,358", 1),
        ("embeddings-frozen", "85,059,078", 1),
        ("lp-ft", "4,614", 2),
        ("ulmfit", "4,614", 14),
        ("chain-thaw", "4,614", 15),
    ],
)
def test_the_other_scenarios_are_chosen_from_the_list_and_then_have_a_pill(
    lab: Lab, scenario: str, learns: str, phases: int
) -> None:
    app = freeze_page(checkpoint="bert-base-uncased")
    pills = app.get_by_key("scenario").options
    open_more(app)
    choose(app, "other_scenarios", scenario)
    assert heading(app).startswith(f":orange[{learns}{']' if phases == 1 else ', then '}")
    assert address(app)["scenario"] == scenario
    assert len(app.get_by_key("scenario").options) == len(pills) + 1
    if phases > 1:
        assert len(app.get_by_key("phase").options) == phases
    choose(app, "scenario", "full")
    assert app.get_by_key("scenario").options == pills
    assert "scenario" in address(app)


def test_many_phases_are_selected_from_a_list(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="chain-thaw", phase="3")
    assert app.get_by_key("phase").options[2] == "Phase 3 of 15: layer 0"
    assert metrics(app)["Trainable parameters"][0] == "7,087,872"
    choose(app, "phase", 15)
    assert metrics(app)["Trainable parameters"][0] == "108,896,262"
    choose(app, "scenario", "gradual")
    assert len(app.get_by_key("phase").options) == 4
    assert metrics(app)["Trainable parameters"][0] == "4,614"


def test_the_warning_offers_a_gentler_layer_decay(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="discriminative")
    app.get_by_key("gentler").click().run()
    assert not app.exception
    text = "\n".join(each.value for each in app.markdown)
    assert "the lowest is 1/2 of the encoder's highest" in text
    assert "hardly change" not in text
    assert "layer_decay: 1.0526315789473684" in address(app)["plan"]
    assert not [each for each in app.button if each.key == "gentler"]
    choose(app, "leave_plan_for", "discriminative")
    assert "scenario" in address(app)
    assert "plan" not in address(app)


def test_no_gentler_decay_is_offered_for_similar_rates(lab: Lab) -> None:
    app = freeze_page(scenario="full")
    assert not [each for each in app.button if each.key == "gentler"]


def test_a_custom_plan_replaces_the_scenario(lab: Lab) -> None:
    app = open_more(freeze_page(checkpoint="bert-base-uncased"))
    choose(app, "plan", "name: biases\nphases:\n  - {name: all, train: [heads, biases]}")
    assert heading(app).startswith(":orange[106,758]")
    assert "plan" in address(app)
    choose(app, "leave_plan_for", "heads-only")
    assert heading(app).startswith(":orange[4,614]")
    assert app.get_by_key("scenario").value == "heads-only"


def test_a_plan_that_cannot_be_read_is_ignored_with_the_nearest_key(lab: Lab) -> None:
    app = open_more(freeze_page())
    choose(app, "plan", "name: x\nphases: [{name: a, train: [heads]}]\nlearning_rat: 1")
    assert "Did you mean 'learning_rate'?" in notes(app)
    assert heading(app).startswith(":orange[2,310]")
    assert "plan" not in address(app)
    assert app.get_by_key("plan").value.endswith("learning_rat: 1")
    choose(app, "plan", "")
    assert notes(app) == ""


def test_a_rate_replaces_that_of_the_plan_until_the_field_is_cleared(lab: Lab) -> None:
    app = choose(open_more(freeze_page(scenario="top-1")), "head_learning_rate", 0.005)
    assert metrics(app)["Learning rate, heads"][0] == "5e-3"
    choose(app, "head_learning_rate", None)
    assert metrics(app)["Learning rate, heads"][0] == "1e-3"


def test_discriminative_rates_warn_about_layers_that_hardly_change(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="discriminative")
    text = "\n".join(each.value for each in app.markdown)
    assert "the lowest is 1/95,429 of the encoder's highest" in text
    assert "With such low rates, 5 blocks hardly change" in text
    assert ":gray-badge[† no effective update · 9]" in text
    rates = app.dataframe[0].value["Rate"]
    assert sum(rate.endswith(" †") for rate in rates) == 9
    assert any("† no effective update (9 LayerNorm tensors" in each.value for each in app.caption)


def test_train_this_plan_opens_train_with_the_same_settings_and_starts_no_run(lab: Lab) -> None:
    app = freeze_page(scenario="top-2", seed="5")
    app.button(key="train_plan").click().run()
    assert not app.exception
    assert app.get_by_key("start") is not None
    assert (address(app)["scenario"], address(app)["seed"]) == ("top-2", "5")
    assert lab.store.runs() == []


def test_choices_survive_a_change_of_page(lab: Lab) -> None:
    app = freeze_page()
    choose(app, "scenario", "top-3")
    app.switch_page("pages/train.py").run()
    app.switch_page("pages/freeze.py").run()
    assert heading(app).startswith(":orange[5,325,702]")


def test_the_page_shows_whether_the_weights_are_on_this_machine(lab: Lab) -> None:
    facts = {
        name: freeze_page(checkpoint=name).caption[0].value
        for name in ("minilm-l6", "bert-base-uncased")
    }
    assert "no weights on this machine" in facts["bert-base-uncased"]
    assert "no weights on this machine" not in facts["minilm-l6"]


def test_the_code_shown_is_the_listing_and_a_program(lab: Lab) -> None:
    program, names = (each.value for each in freeze_page(checkpoint="bert-base-uncased").code)
    assert "trainable=4_614" in program
    assert names.startswith("Trainable Parameters:\n  ✅ classifier.weight\n")
    assert names.count("❌") == 199


def test_the_server_never_imports_torch(tmp_path: Path) -> None:
    script = (
        "from streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({APP!r}, default_timeout=60).run()\n"
        "app.get_by_key('scenario').set_value('full').run()\n"
        "app.switch_page('pages/train.py').run()\n"
        "assert not app.exception\n"
        "import gc, sys\n"
        "from mtl_core.ui.shared.preload import preload\n"
        "preload().join()\n"
        "assert gc.get_freeze_count() > 100_000, 'objects of modules are collected'\n"
        "assert 'mtl_core.ui.shared.server' not in sys.modules, 'started again'\n"
        "assert {'plotly.graph_objects', 'mtl_core.ui.predict.predict_view'} <= set(sys.modules)\n"
    )
    assert imported_by(script, "torch", "transformers", FREEZE_LAB_HOME=str(tmp_path)) == []


def test_a_choice_and_a_run_spec_accept_the_same_numbers() -> None:
    for name in ("epochs", "batch_size", "max_length", "seed"):
        ours, theirs = Choice.model_fields[name], RunSpec.model_fields[name]
        assert (ours.default, ours.metadata) == (theirs.default, theirs.metadata)


def test_a_choice_comes_back_from_its_query() -> None:
    choice = Choice(scenario="top-2", seed=3, learning_rate=3e-5, plan="name: x")
    assert choice_from(choice.as_query()) == (choice, [])
    assert Choice().as_query() == {}


def test_an_invalid_value_keeps_the_previous_one() -> None:
    before = Choice(seed=5)
    after, (note,) = choice_from({"seed": -3, "unknown": 1}, base=before)
    assert after == before
    assert note == "Seed -3: it should be greater than or equal to 0. 5 is used."


def test_a_cleared_field_returns_to_its_default() -> None:
    assert choice_from(
        {"data": "", "learning_rate": None}, Choice(data="x", learning_rate=0.1)
    ) == (
        Choice(),
        [],
    )


def test_rows_of_the_table_are_never_lost_by_sorting() -> None:
    table = parameter_table(scenario_plan("full", BERT), BERT)
    assert sorted(row.name for row in in_diagram_order(table)) == sorted(
        row.name for row in table.rows
    )


def test_the_filter_for_text_reads_whole_names() -> None:
    rows = parameter_table(scenario_plan("top-1", BERT), BERT).rows
    assert len(matching(rows, text="layer.1.")) == 16
    assert len(matching(rows, state="trainable", group="ner")) == 2
    assert matching(rows, text="nothing like this") == ()


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (4_614 / 109_486_854, "0.004 %"),
        (0.0648, "6.5 %"),
        (0.9946, "99.5 %"),
        (1, "100 %"),
    ],
)
def test_shares_are_short_and_never_rounded_to_nothing(share: float, text: str) -> None:
    assert share_text(share) == text


def test_user_text_is_escaped() -> None:
    assert plain("[a](b) **c** $x$ :red[d]") == r"\[a\]\(b\) \*\*c\*\* \$x\$ \:red\[d\]"


def test_ones_own_checkpoints_stand_in_the_list_by_name(
    monkeypatch: pytest.MonkeyPatch, tiny_checkpoint: Path
) -> None:
    monkeypatch.setenv("FREEZE_LAB_CHECKPOINTS", str(tiny_checkpoint.parent))
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    app = freeze_page()
    picker = app.selectbox(key="checkpoint")
    assert picker.options[0] == "tiny-bert · your folder · ready"
    assert str(tiny_checkpoint.parent) in picker.help
    choose(app, "checkpoint", "tiny-bert")
    assert notes(app) == ""
    assert any(each.value.startswith("tiny-bert · heads only") for each in app.caption)
    opened.store.close()


def test_the_memory_on_a_gpu_is_computed_in_place(lab: Lab) -> None:
    app = freeze_page(checkpoint="bert-base-uncased", scenario="full")
    app.session_state["gpu"] = True
    app.run()
    text = next(each.value for each in app.markdown if "Calculated, not measured" in each.value)
    assert text.startswith(
        "**In float32 it fits on a card of 8 GB or more.** "
        "Calculated, not measured: a step of 16 × 128 tokens needs **"
    )
    table = next(each.value for each in app.dataframe if "Cards" in each.value.columns)
    assert list(table["Memory"]) == ["8 GB", "12 GB", "16 GB", "24 GB", "40 GB", "80 GB"]
    batches = [int(each.replace(" or more", "")) for each in table["Largest batch, float32"]]
    assert batches == sorted(batches)


def test_a_plan_that_trains_nothing_has_no_question_of_memory(lab: Lab) -> None:
    app = freeze_page(scenario="frozen")
    app.session_state["gpu"] = True
    app.run()
    assert not any("Calculated, not measured" in each.value for each in app.markdown)


def test_the_selected_block_is_trained_or_frozen_in_place(lab: Lab) -> None:
    app = freeze_page(scenario="top-1")
    assert any("Click or tap a block to freeze or train it." in each.value for each in app.caption)
    choose(app, "group_filter", "layer 4")
    button = app.button(key="edit_block")
    assert button.label == "Train layer 4"
    button.click().run()
    assert not app.exception
    assert heading(app).startswith(":orange[3,551,238]")
    assert any(each.value.startswith("minilm-l6 · top-1, edited") for each in app.caption)
    app.button(key="edit_block").click().run()
    assert heading(app).startswith(":orange[1,776,774]")
    app.button(key="undo_edit").click().run()
    assert heading(app).startswith(":orange[3,551,238]")
