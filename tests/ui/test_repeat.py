from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.ui.repeat import needs_plan_file, train_command
from tests.run_story import minilm, spec_of


def test_the_command_names_every_choice_of_the_run() -> None:
    spec = spec_of("heads-only", epochs=3.0, seed=7, examples={"ner": 50})
    assert train_command(spec, minilm()) == (
        "python -m mtl_core train \\\n"
        "  --checkpoint minilm-l6 \\\n"
        "  --scenario heads-only \\\n"
        "  --data sample \\\n"
        "  --epochs 3 \\\n"
        "  --batch-size 16 \\\n"
        "  --max-length 128 \\\n"
        "  --seed 7 \\\n"
        "  --examples ner=50"
    )


def test_rates_are_named_only_where_they_are_not_the_scenarios_own() -> None:
    plan = scenario_plan("gradual", minilm()).with_rates(head_learning_rate=0.005)
    spec = spec_of("gradual").model_copy(update={"plan": plan})
    command = train_command(spec, minilm())
    assert "--head-learning-rate 0.005" in command
    assert "--learning-rate" not in command.replace("--head-learning-rate", "")


def test_a_plan_of_ones_own_is_passed_as_a_file() -> None:
    plan = Plan(name="mine", phases=(Phase(name="one", train=("heads", "biases")),))
    spec = spec_of("full").model_copy(update={"plan": plan, "scenario": None})
    assert "--plan plan.yaml" in train_command(spec, minilm())
    assert needs_plan_file(spec, minilm())


def test_words_that_a_shell_would_read_are_quoted() -> None:
    spec = spec_of("heads-only").model_copy(update={"data": "my data/$(x).yaml"})
    assert "--data 'my data/$(x).yaml'" in train_command(spec, minilm())


def test_a_run_without_prefix_reuse_is_repeated_without_it() -> None:
    spec = spec_of("heads-only").model_copy(update={"prefix_reuse": False})
    assert train_command(spec, minilm()).endswith("\n  --no-prefix-reuse")
