import pytest

from mtl_core.errors import UnknownScenario
from mtl_core.freezing.scenarios import Scenario, scenario_plan, scenarios
from mtl_core.freezing.titles import scenario_phrase, scenario_title, task_title
from mtl_core.lessons.scenario_lessons import lesson, own_plan_lesson
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription, Role
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
    assert lesson("freeze-head:ner").means.startswith("Everything except the NER head is trained.")
    assert lesson("top-1").means.startswith("The last layer is trained together")
    assert lesson("top-3").means.startswith("The last 3 layers are trained together")
    assert lesson("bottom-1").means.startswith("The first layer is trained together")
    assert lesson("bottom-3").means.startswith("The first 3 layers are trained together")


def test_the_lesson_says_that_a_frozen_head_does_not_protect_its_task() -> None:
    assert "does not protect its task" in lesson("freeze-head:sentiment").implies


def test_gradual_and_discriminative_rest_on_their_paper() -> None:
    (thaw,), (rates, gentle) = lesson("gradual").sources, lesson("discriminative").sources
    assert thaw.short == "Howard & Ruder 2018, section 3.3"
    assert rates.short == "Howard & Ruder 2018, section 3.2"
    assert gentle.short == "Sun et al. 2019, section 5.3.4"


@pytest.mark.parametrize(
    ("scenario", "paper"),
    [
        ("lp-ft", "Kumar et al. 2022"),
        ("chain-thaw", "Felbo et al. 2017, section 3.3"),
        ("ulmfit", "Howard & Ruder 2018, section 3.3"),
        ("bitfit", "Ben Zaken, Goldberg & Ravfogel 2022"),
        ("layernorm", "Qi et al. 2022"),
    ],
)
def test_what_a_paper_proposed_names_it(scenario: str, paper: str) -> None:
    assert paper in [source.short for source in lesson(scenario).sources]


def test_where_a_scenario_departs_from_its_paper_its_lesson_says_so() -> None:
    assert "The paper continues to the bottom" in lesson("gradual").means
    assert "share the run's epochs evenly" in lesson("chain-thaw").implies
    assert "half of the epochs; the paper trains to convergence" in lesson("ulmfit").implies
    assert "Heads have their own learning rate" in lesson("ulmfit").implies


def test_the_numbers_in_the_lessons_are_the_models() -> None:
    words = lesson("embeddings-frozen").implies
    for name, share in (("bert-base-uncased", "22 %"), ("minilm-l6", "52 %")):
        model = ModelDescription(read_description(shipped_description(name)), DEFAULT_TASKS)
        embeddings = sum(t.count for t in model.tensors if t.role is Role.EMBEDDINGS)
        assert f"{100 * embeddings / model.backbone.total:.0f} %" == share
        assert f"{share} of {name}" in words
    bert = ModelDescription(read_description(shipped_description("bert-base-uncased")), MODEL.tasks)
    assert len(scenario_plan("chain-thaw", bert).phases) == 15
    assert "twelve layers make 15 phases" in lesson("chain-thaw").implies
    assert f"layer_decay: {1 / 0.95:.4f}" in lesson("discriminative").when


def test_a_citation_does_not_name_the_abstract() -> None:
    assert [source.short for source in lesson("top-2").sources] == ["Lee, Tang & Lin 2019"]


def test_the_factor_named_in_the_lesson_is_what_twelve_layers_give() -> None:
    assert round(2.6**11, -3) == 37_000
    assert round(2.6**12, -3) == 95_000
    words = lesson("discriminative").implies
    assert "the lowest has 1/37,000 of the top's rate and the embeddings 1/95,000" in words


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
    titles = {each.name: scenario_title(each.name) for each in SCENARIOS}
    assert titles["freeze-head:ner"] == "NER head frozen"
    assert titles["heads-only"] == "Heads only"
    assert [scenario_phrase(name) for name in ("top-1", "top-4", "freeze-head:ner", "full")] == [
        *("top layer", "top 4 layers", "NER head frozen", "full")
    ]
    assert [titles[name] for name in ("bottom-1", "bottom-2", "bitfit", "ulmfit", "lp-ft")] == [
        *("Bottom layer", "Bottom 2 layers", "Biases and heads (BitFit)", "ULMFiT", "LP-FT")
    ]
    new = ("bottom-1", "bottom-2", "bitfit", "layernorm", "embeddings-frozen", "chain-thaw")
    assert [scenario_phrase(name) for name in new] == [
        *("bottom layer", "bottom 2 layers", "biases and heads (BitFit)", "LayerNorms and heads"),
        *("embeddings frozen", "chain-thaw"),
    ]
