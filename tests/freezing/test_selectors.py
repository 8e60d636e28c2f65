from time import process_time

import pytest

from mtl_core.errors import InvalidPlan, PlanError, SelectorMatchesNothing
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.selectors import matches_glob, select, select_any
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from tests.freezing.small_models import shared_stack, shipped, tied_model, two_layers

LAYER_1 = "bert.encoder.layer.1."


@pytest.fixture
def bert() -> ModelDescription:
    return shipped("bert-base-uncased")


@pytest.mark.parametrize(
    "selector",
    ["layer:1", "layers:1-1", "bert.encoder.layer.1.*", "*.layer.1.*", "bert.*.1.*", "*.1.*"],
)
def test_layer_1_is_16_tensors_and_never_layer_10_or_11(
    bert: ModelDescription, selector: str
) -> None:
    names = select(selector, bert)

    assert len(names) == 16
    assert all(name.startswith(LAYER_1) for name in names)


@pytest.mark.parametrize(
    ("selector", "tensors"),
    [
        ("all", 203),
        ("backbone", 199),
        ("embeddings", 5),
        ("heads", 4),
        ("head:ner", 2),
        ("layer:0", 16),
        ("layers:0-11", 192),
        ("top:1", 16),
        ("top:12", 192),
        ("bottom:3", 48),
        ("biases", 100),
        ("layernorms", 50),
        ("pooler", 2),
        ("*", 203),
        ("bert.*", 199),
        ("bert.embeddings.*", 5),
        ("*.LayerNorm.*", 50),
        ("*.bias", 100),
        ("*.attention.*.query.weight", 12),
        ("bert.encoder.layer.1?.*", 32),
        ("bert.encoder.layer.[01].*", 32),
        ("ner.weight", 1),
    ],
)
def test_each_selector_selects_exactly_its_tensors(
    bert: ModelDescription, selector: str, tensors: int
) -> None:
    assert len(select(selector, bert)) == tensors


def test_top_and_bottom_count_from_their_own_end(bert: ModelDescription) -> None:
    assert select("top:2", bert) == select("layers:10-11", bert)
    assert select("bottom:2", bert) == select("layers:0-1", bert)


def test_top_and_bottom_leave_embeddings_pooler_and_tensors_beside_the_stack(
    bert: ModelDescription,
) -> None:
    model = two_layers()

    assert select("top:12", bert) == select("bert.encoder.layer.*", bert)
    assert select("top:2", model) == select("bottom:2", model) == select("tiny.layer.*", model)


def test_top_includes_the_pooler_only_if_sentence_heads_read_it(bert: ModelDescription) -> None:
    pooler = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    pooled = bert.reading(SentenceVector.POOLER)

    assert select("top:2", bert) == select("layers:10-11", bert)
    assert select("top:2", pooled) == select("layers:10-11", bert) | pooler
    assert select("bottom:12", pooled) == select("layers:0-11", bert)


def test_a_norm_after_the_layers_is_part_of_the_top_layer() -> None:
    model = shipped("modernbert-base")

    assert "model.final_norm.weight" in select("top:1", model)
    assert "model.final_norm.weight" in select("layer:21", model)
    assert "model.final_norm.weight" not in select("bottom:21", model)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", True),  # alone, * stands for one or more segments
        ("a.*", "a", False),
        ("*", "a", True),
        ("*.c", "a.b.c", True),
        ("*.c", "c", False),
        ("a.*.c", "a.c", False),
        ("a.*.c", "a.b.b.c", True),
        ("layer.1", "layer.1", True),
        ("layer.1", "layer.10", False),  # a whole name, no substring
        ("layer.1*", "layer.10", True),  # within a segment, * stays within it
        ("layer.1*", "layer.10.weight", False),
        ("*bias", "a.bias", False),
        ("*.*bias", "a.bias", True),
        ("LAYER.1", "layer.1", False),
        ("", "a", False),
    ],
)
def test_a_glob_matches_whole_names_segment_by_segment(
    pattern: str, name: str, matches: bool
) -> None:
    assert matches_glob(pattern, name) is matches


def test_a_hostile_glob_is_answered_at_once() -> None:
    assert not matches_glob(".".join("*" * 5_000), "a.b.c.d.e.f.g.h")
    assert not matches_glob(".".join(["*"] * 20 + ["z"]), ".".join("a" * 60))


@pytest.mark.parametrize(
    ("selector", "nearest"),
    [
        ("bert.encoder.layer.1", r"Nearest: bert\.encoder\.layer\.1\.\*\. "),
        ("layer.1", r"Nearest: \*\.layer\.1\.\*\. "),
        ("bert.embeddings", r"Nearest: bert\.embeddings\.\*\. "),
        ("embedings", r"Nearest: embeddings, "),
        ("ner.wieght", r"Nearest: ner\.weight, "),
        ("*bias", r"Nearest: biases, "),
        ("🧠", r"Nearest: bert\.embeddings\.word_embeddings\.weight, "),
    ],
)
def test_a_selector_that_matches_nothing_is_refused_with_the_nearest_and_the_remedy(
    bert: ModelDescription, selector: str, nearest: str
) -> None:
    with pytest.raises(SelectorMatchesNothing, match=nearest) as refused:
        select(selector, bert, "phase 'last'")

    message = str(refused.value)
    assert message.startswith(f"'{selector}' in phase 'last' matches none of the 203 tensors.")
    assert "a glob over whole dotted names such as '*.LayerNorm.*'" in message


def test_a_part_the_checkpoint_does_not_have_is_refused() -> None:
    with pytest.raises(SelectorMatchesNothing, match="this checkpoint has no such part"):
        select("pooler", shipped("distilbert-base-uncased"))


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        ("top:13", r"this checkpoint has 12 layers; N goes from 1 to 12\."),
        ("top:0", r"N goes from 1 to 12\."),
        ("bottom:13", r"N goes from 1 to 12\."),
        ("layers:3-1", r"the first layer must not be above the last; write layers:1-3\."),
        ("layer:12", r"this checkpoint has layers 0 to 11\."),
        ("layers:10-12", r"this checkpoint has layers 0 to 11\."),
        ("top:", r"not have the form top:N\."),
        ("top:-1", r"not have the form top:N\."),
        ("top:1.5", r"not have the form top:N\."),
        ("layer:one", r"not have the form layer:N\."),
        ("layers:1", r"does not have the form layers:I-J\."),
    ],
)
def test_a_number_out_of_range_or_out_of_form_is_refused(
    bert: ModelDescription, selector: str, says: str
) -> None:
    with pytest.raises(InvalidPlan, match=says) as refused:
        select(selector, bert, "phase 'last'")

    assert f"'{selector}' in phase 'last'" in str(refused.value)


def test_the_head_of_an_unknown_task_is_refused_with_the_tasks(bert: ModelDescription) -> None:
    with pytest.raises(
        SelectorMatchesNothing, match=r"there is no task 'classifier'\. Tasks: sentiment, ner\."
    ):
        select("head:classifier", bert)


def test_every_selector_of_a_list_must_match(bert: ModelDescription) -> None:
    assert len(select_any(["heads", "top:1"], bert, "the plan")) == 20
    assert select_any([], bert, "the plan") == frozenset()
    with pytest.raises(SelectorMatchesNothing, match="'nothing'"):
        select_any(["all", "nothing"], bert, "the plan")


def test_a_tied_name_selects_the_tensor_that_owns_it() -> None:
    owner = {"tiny.layer.0.dense.weight"}

    assert select("tiny.layer.1.dense.weight", tied_model()) == owner
    assert select("layer:1", tied_model()) == owner | {"tiny.layer.1.norm.bias"}


@pytest.mark.parametrize("selector", ["top:1", "bottom:11"])
def test_a_part_of_a_shared_stack_is_refused_with_the_reason(selector: str) -> None:
    says = "the 12 layers of this checkpoint share one set of weights.* Use '(top|bottom):12'"
    with pytest.raises(InvalidPlan, match=says):
        select(selector, shared_stack())


def test_a_shared_stack_is_selected_whole_or_as_its_only_layer() -> None:
    model, stack = shared_stack(), {"tiny.group.0.dense.weight"}

    assert (
        select("top:12", model) == select("bottom:12", model) == select("layer:0", model) == stack
    )
    with pytest.raises(InvalidPlan, match="this checkpoint has one set of weights, layer 0"):
        select("layer:1", model)


def test_a_selector_and_a_list_of_them_have_a_length(bert: ModelDescription) -> None:
    with pytest.raises(InvalidPlan, match="has 19,000 characters; a selector has at most 200"):
        select("*a" * 9_500, bert)
    with pytest.raises(InvalidPlan, match="There are 1,001 selectors in the plan; at most 1,000"):
        select_any(["heads"] * 1_001, bert, "the plan")


def test_many_stars_are_matched_in_a_moment() -> None:
    """Trying all ways to divide the name would take longer than the universe exists."""
    assert not matches_glob(".".join(["*"] * 30 + ["end"]), ".".join(["a"] * 60))


@pytest.mark.parametrize(
    "selector", ["[" * 200, "[a-z]" * 40, "*a" * 100, "*." * 99 + "*", "x" * 19_000]
)
def test_a_typed_selector_takes_little_time_also_where_nothing_matches(selector: str) -> None:
    model = shipped("bert-large-uncased")
    started = process_time()
    with pytest.raises(PlanError):
        select(selector, model)
    assert process_time() - started < 0.25


def test_the_selectors_of_all_phases_together_are_bounded() -> None:
    phases = tuple(Phase(name=f"{number}", train=("heads",) * 100) for number in range(11))
    with pytest.raises(InvalidPlan, match=r"There are 1,100 selectors in 'much'; at most 1,000"):
        parameter_tables(Plan(name="much", phases=phases), shipped("minilm-l6"))
