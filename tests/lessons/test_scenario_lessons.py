import pytest

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.scenarios import Scenario, scenarios
from mtl_core.lessons.scenarios import lesson, own_plan_lesson
from mtl_core.lessons.titles import scenario_phrase, scenario_title, task_title
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import DEFAULT_TASKS

MODEL = ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)
SCENARIOS = scenarios(MODEL)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda each: each.name)
def test_every_scenario_that_is_listed_has_a_lesson(scenario: Scenario) -> None:
    words = lesson(scenario.name)
    assert words.scenario == scenario.name
    for text in (words.means, words.implies, words.when):
        assert text.endswith(".")
        assert 60 < len(text) < 190


def test_a_lesson_names_the_head_and_the_layers_it_is_about() -> None:
    assert lesson("freeze-head:ner").means.startswith("All learns but the NER head.")
    assert lesson("top-1").means.startswith("The last layer learns together")
    assert lesson("top-3").means.startswith("The last 3 layers learn together")


def test_a_frozen_head_is_not_said_to_protect_its_task() -> None:
    assert "does not protect its task" in lesson("freeze-head:sentiment").implies


def test_gradual_and_discriminative_rest_on_their_paper() -> None:
    (thaw,), (rates,) = lesson("gradual").sources, lesson("discriminative").sources
    assert thaw.short == "Howard & Ruder 2018, section 3.3"
    assert rates.short == "Howard & Ruder 2018, section 3.2"


def test_the_abstract_of_a_paper_goes_without_saying() -> None:
    assert [source.short for source in lesson("top-2").sources] == ["Lee, Tang & Lin 2019"]


def test_the_factor_named_in_the_lesson_is_what_twelve_layers_give() -> None:
    assert round(2.6**12, -3) == 95_000
    assert "1/95,000" in lesson("discriminative").implies


def test_an_unknown_scenario_has_no_lesson() -> None:
    with pytest.raises(UnknownScenario, match=r"no lesson on 'sideways'.*heads-only"):
        lesson("sideways")


def test_a_plan_of_ones_own_has_words_too() -> None:
    assert own_plan_lesson("mine").scenario == "mine"


@pytest.mark.parametrize(
    ("name", "title"),
    [("ner", "NER"), ("sentiment", "Sentiment"), ("part_of_speech", "Part of speech")],
)
def test_task_titles(name: str, title: str) -> None:
    assert task_title(name) == title


def test_scenario_titles_and_phrases() -> None:
    titles = {each.name: scenario_title(each) for each in SCENARIOS}
    assert titles["freeze-head:ner"] == "Freeze NER head"
    assert titles["heads-only"] == "Heads only"
    assert [scenario_phrase(name) for name in ("top-1", "top-4", "freeze-head:ner", "full")] == [
        *("top layer", "top 4 layers", "NER head frozen", "full")
    ]
