"""How reports name and describe the arms of a comparison."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtl_core.analysis.outcomes import OutcomeRule
from mtl_core.cli.compare.arms import parse_arm
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.plan_file import plan_to_yaml
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.report.compared import ComparedRuns, compare_runs, facts_of, own_facts
from mtl_core.report.finding import headline
from mtl_core.report.load import Report
from mtl_core.report.repeat import arm_text, compare_command, plan_files
from mtl_core.report.table import setting_lines
from mtl_core.store.record import ComparisonRecord
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.arm import ComparisonArm, named_arm, plain_arm
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.spec import RunSpec
from tests.export.finished_run import finished
from tests.run_story import Story

Keep = Callable[..., str]
Read = Callable[..., Report]
MEAN = SentenceVector.MEAN
MINE = Plan(name="mine", phases=(Phase(name="one", train=("heads", "biases")),))


def compared(
    keep: Keep, read: Read, *changes: dict[str, object], by_arm: bool = False
) -> ComparedRuns:
    """One finished run of heads only for each of `changes` to its spec, as arms."""
    ids = [keep(_changed(finished("heads-only", 0.7, 0.3), each)) for each in changes]
    runs = [(run.record, run.summary) for run in read(*ids).runs]
    return compare_runs(runs, lambda _: None, by_arm, OutcomeRule())


def _changed(story: Story, changes: dict[str, object]) -> list[object]:
    first, *others = story
    return [first.model_copy(update={"spec": first.spec.model_copy(update=changes)}), *others]


def labels(shown: ComparedRuns) -> list[str]:
    return [plan.label for plan in shown.plans.plans]


def test_arms_on_several_checkpoints_are_labelled_with_theirs(keep: Keep, read: Read) -> None:
    arms = (
        {"arm": "heads-only"},
        {"arm": "heads-only (tiny)", "checkpoint": "models/tiny", "sentence_vector": MEAN},
    )
    assert labels(compared(keep, read, *arms)) == ["heads only on minilm-l6", "heads-only (tiny)"]
    by_arm = compared(keep, read, *arms, by_arm=True)
    assert labels(by_arm) == ["heads-only", "heads-only (tiny)"]


def test_what_arms_share_is_a_fact_and_the_rest_is_stated_for_each(keep: Keep, read: Read) -> None:
    shown = compared(keep, read, {"arm": "heads-only"}, {"arm": "long", "epochs": 9.0})
    facts = facts_of(shown)
    assert "minilm-l6" in facts
    assert not [fact for fact in facts if "epoch" in fact]
    assert own_facts(shown) == {"heads only": ["1 epoch"], "long": ["9 epochs"]}
    assert setting_lines(shown) == (
        "Settings of heads only: 1 epoch.",
        "Settings of long: 9 epochs.",
    )


def test_arms_that_differ_only_in_their_start_are_two_plans(keep: Keep, read: Read) -> None:
    shown = compared(
        keep,
        read,
        *(
            {"arm": arm, "starts_from": start, "seed": seed}
            for seed in (1, 2)
            for arm, start in (("A", "run-a"), ("B", "run-b"))
        ),
    )
    assert labels(shown) == ["A", "B"]
    assert [sorted(plan.runs) for plan in shown.plans.plans] == [[1, 2], [1, 2]]


def test_arms_that_differ_only_in_their_device_are_two_plans(keep: Keep, read: Read) -> None:
    arms = ({"arm": "heads-only"}, {"arm": "on a GPU", "device": "cuda"})
    assert labels(compared(keep, read, *arms)) == ["heads only", "on a GPU"]


def test_an_arm_with_several_numbers_of_sentences_is_a_plan_for_each(
    keep: Keep, read: Read
) -> None:
    both = {"sentiment": 20, "ner": 20}
    few = [{"arm": name, "examples": both} for name in ("A", "B")]
    shown = compared(keep, read, {"arm": "A"}, *few)  # B lacks the largest number
    assert shown.by_size == ()
    assert labels(shown) == ["A, all sentences", "A, 20 + 20 sentences", "B"]


def test_own_rates_and_loss_weights_are_stated(keep: Keep, read: Read) -> None:
    arms = (
        plain_arm("heads-only"),
        named_arm("heads-only", "fast", head_learning_rate=0.02, task_weights={"ner": 0.5}),
    )
    ids = [keep(_changed(finished("heads-only", 0.7, 0.3), {"arm": arm.name})) for arm in arms]
    report = read(*ids)
    spec = ComparisonSpec(checkpoint="minilm-l6", arms=arms, seeds=(1,))
    record = ComparisonRecord(
        id="c",
        name="c",
        spec=spec,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        runs=tuple(run.record for run in report.runs),
    )
    assert setting_lines(replace(report, record=record).compared) == (
        "Settings of fast: head learning rate 0.02; task weight of ner 0.5.",
    )


def test_a_run_evaluated_on_other_data_is_compared_with_one_that_has_other_tasks(
    keep: Keep, read: Read
) -> None:
    sample = load_dataset("sample", ANY_FILE)
    topic = DEFAULT_TASKS[0].model_copy(update={"name": "topic"})
    data = {
        "topics": replace(sample, reference="topics", tasks=(topic,)),
        "sample-posts": load_dataset("sample-posts", ANY_FILE),
    }
    changes = (
        {"data": "topics", "tasks": (topic,)},
        {"also_evaluate": ("sample-posts",), "other_data_digests": {"sample-posts: a": "b"}},
    )
    ids = [keep(_changed(finished("heads-only", 0.7, 0.3), each)) for each in changes]
    report = replace(read(*ids), data_of=lambda spec, _: data[spec.data])
    assert report.sentences is not None
    assert set(report.sentences[1]) == {"validation", "test"}
    assert len(report.compared.plans.plans) == 2


def test_arms_that_differ_in_epochs_have_a_finding(keep: Keep, read: Read) -> None:
    shown = compared(keep, read, {"arm": "heads-only"}, {"arm": "long", "epochs": 9.0})
    assert shown.plans.beyond_plan == ()
    assert "differ in more than the plan" not in headline(shown, {})


def test_a_run_of_an_earlier_version_belongs_to_the_arm_of_its_scenario() -> None:
    stored = finished("heads-only", 0.7, 0.3).spec.model_dump(mode="json", exclude={"arm"})
    assert RunSpec.model_validate(stored).arm_name == "heads-only"


@pytest.mark.parametrize(
    "arm",
    [
        named_arm("full", checkpoint="/models/a, b"),
        named_arm("top-1", 'with "quotes", and a comma', learning_rate=3e-4),
        named_arm("full", "full", learning_rate=1e-3),
        named_arm(MINE, head_learning_rate=0.01, task_weights={"ner": 0.0, "sentiment": 2.0}),
        named_arm(
            MINE,
            "it's",
            options={
                "epochs": 2.5,
                "examples": {"ner": 50, "sentiment": 20},
                "label_noise": {},
                "also_evaluate": ("sample-posts", "b.yaml"),
                "random_backbone": True,
                "starts_from": None,
                "sentence_vector": "mean",
            },
        ),
    ],
)
def test_an_arm_reads_back_from_its_text(arm: ComparisonArm, tmp_path: Path) -> None:
    path = tmp_path / "a, plan.yaml"
    path.write_text(plan_to_yaml(MINE), encoding="utf-8")
    assert parse_arm(arm_text(arm, str(path))) == arm


def test_the_command_of_a_comparison_lists_its_arms_in_order() -> None:
    spec = ComparisonSpec(
        checkpoint="minilm-l6",
        arms=(
            plain_arm("heads-only"),
            plain_arm("full"),
            named_arm(MINE, "it's mine", options={"epochs": 2}),
            plain_arm("top-1"),
        ),
    )
    command = compare_command(spec)
    arguments = shlex.split(command.replace("\\\n", ""))
    assert arguments[arguments.index("--scenarios") + 1] == "heads-only,full"
    arms = [arguments[n + 1] for n, each in enumerate(arguments) if each == "--arm"]
    assert arms == ['"plans/3-it-s-mine.yaml",name=it\'s mine,epochs=2', "top-1"]
    assert plan_files(spec) == {"plans/3-it-s-mine.yaml": MINE}
