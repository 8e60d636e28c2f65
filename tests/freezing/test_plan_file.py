from pathlib import Path

import pytest

from mtl_core.errors import InvalidPlan
from mtl_core.freezing.plan import Phase, Plan, Schedule
from mtl_core.freezing.plan_file import parse_plan, plan_to_yaml, read_plan
from mtl_core.freezing.resolve import parameter_tables
from tests.freezing.small_models import shipped

EXAMPLE = """
name: protect, specialize, prevent forgetting
phases:
  - {name: heads,   train: [heads],          epochs: 1, learning_rate: 1.0e-3}
  - {name: last,    train: [heads, top:1],   epochs: 1}
  - {name: last 2,  train: [heads, top:2],   epochs: 1}
learning_rate: 2.0e-5
head_learning_rate: 1.0e-3
layer_decay: 2.6             # discriminative: each layer's rate is the one above divided by this
schedule: slanted-triangular # constant | linear | slanted-triangular | cosine
freeze: ["bert.embeddings.*"]   # always wins over every phase
"""
SHORT = "name: x\nphases:\n  - {name: a, train: [heads]}\n"


def in_phase(text: str) -> str:
    return f"name: x\nphases:\n  - {{name: a, {text}}}\n"


def test_the_documented_example_is_read() -> None:
    assert parse_plan(EXAMPLE) == Plan(
        name="protect, specialize, prevent forgetting",
        phases=(
            Phase(name="heads", train=("heads",), epochs=1, learning_rate=1e-3),
            Phase(name="last", train=("heads", "top:1"), epochs=1),
            Phase(name="last 2", train=("heads", "top:2"), epochs=1),
        ),
        learning_rate=2e-5,
        head_learning_rate=1e-3,
        layer_decay=2.6,
        schedule=Schedule.SLANTED_TRIANGULAR,
        freeze=("bert.embeddings.*",),
    )


def test_the_documented_example_resolves_with_its_rates() -> None:
    tables = parameter_tables(parse_plan(EXAMPLE), shipped("bert-base-uncased"))

    assert [table.totals.trainable for table in tables] == [4_614, 7_092_486, 14_180_358]
    rates = [{g.name: g.learning_rate for g in table.groups if g.learning_rate} for table in tables]
    assert rates == [
        {"classifier": 1e-3, "ner": 1e-3},
        {"layer 11": 2e-5, "classifier": 1e-3, "ner": 1e-3},
        {"layer 10": 2e-5 / 2.6, "layer 11": 2e-5, "classifier": 1e-3, "ner": 1e-3},
    ]


@pytest.mark.parametrize("schedule", ["polynomial", "one-cycle", "Linear"])
def test_a_schedule_not_built_is_refused_with_those_that_are(schedule: str) -> None:
    known = "'constant', 'linear', 'cosine' or 'slanted-triangular'"
    says = f"'schedule': input should be {known}, got '{schedule}'"
    with pytest.raises(InvalidPlan, match=says):
        parse_plan(EXAMPLE.replace("schedule: slanted-triangular", f"schedule: {schedule}"))


@pytest.mark.parametrize(
    "written", ["2.0e-5", "2e-5", "2E-5", "2.e-5", "0.00002", "20e-6", "+2e-5", "2.0e-05"]
)
def test_a_rate_is_a_number_however_it_is_written(written: str) -> None:
    assert parse_plan(f"{SHORT}learning_rate: {written}").learning_rate == 2e-5
    assert parse_plan(in_phase(f"train: [], learning_rate: {written}")).phases[0].learning_rate == (
        2e-5
    )


def test_a_whole_number_is_a_rate_too() -> None:
    assert parse_plan(f"{SHORT}learning_rate: 1").learning_rate == 1.0


@pytest.mark.parametrize(
    "plan",
    [
        Plan(name="bare", phases=(Phase(name="nothing", train=()),)),
        Plan(name="❄️🔥: #1 - 'quoted'", phases=(Phase(name="🧠\t\n", train=("*.bias", "# x")),)),
        Plan(name="yes", phases=(Phase(name="2e-5", train=("no", "1", "null", "2020-01-01")),)),
        Plan(
            name="all of it",
            phases=(
                Phase(name="a", train=("heads",), epochs=0.25, learning_rate=1e-5),
                Phase(name="b", train=("all",), head_learning_rate=1e-07),
            ),
            learning_rate=1 / 3,
            head_learning_rate=10,
            layer_decay=2.6,
            schedule=Schedule.CONSTANT,
            freeze=("*.embeddings.*",),
            task_weights={"ner": 1e-16, "sentiment": 1e6},
        ),
    ],
    ids=lambda plan: plan.name,
)
def test_what_is_written_reads_back_equal(plan: Plan) -> None:
    assert parse_plan(plan_to_yaml(plan)) == plan


def test_a_plan_is_written_in_few_lines_with_its_rates() -> None:
    plan = Plan(name="mine", phases=(Phase(name="a", train=("heads", "*.bias")),))

    assert plan_to_yaml(plan) == (
        "name: mine\nphases:\n- name: a\n  train:\n  - heads\n  - '*.bias'\n"
        "learning_rate: 5.0e-05\nhead_learning_rate: 0.001\nschedule: linear\n"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{SHORT}learning_rte: 1", r"'learning_rte' is not a plan key\. Did you mean 'learn"),
        (f"{SHORT}zzz: 1", r"'zzz' is not a plan key\. Known keys: name, phases, learning_rate"),
        (in_phase("trian: []"), r"'trian' of phase 1 is not a plan key\. Did you mean 'train'"),
        (
            in_phase("train: [], freeze: []"),
            r"Known keys: name, train, epochs, learning_rate, head_",
        ),
        (f"{SHORT}name: y", r"line 4: the key 'name' is repeated"),
        (in_phase("name: b, train: []"), r"line 3: the key 'name' is repeated"),
        (f"{SHORT}1: y", r"line 4: the key 1 is not text"),
        (f"{SHORT}? [a]\n: y", r"line 4: the key \['a'\] is not text"),
    ],
)
def test_unknown_and_repeated_keys_are_refused_with_their_place(text: str, says: str) -> None:
    with pytest.raises(InvalidPlan, match=says) as refused:
        parse_plan(text, source="mine.yaml")

    assert str(refused.value).startswith("mine.yaml")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{SHORT}learning_rate: true", r"'learning_rate': expected a number, got True\."),
        (f"{SHORT}learning_rate: .nan", r"'learning_rate': .*finite number, got nan\."),
        (f"{SHORT}learning_rate: .inf", r"'learning_rate': .*finite number, got inf\."),
        (f"{SHORT}learning_rate: -1", r"'learning_rate': .*greater than 0, got -1\."),
        (f"{SHORT}learning_rate: 0", r"'learning_rate': .*greater than 0, got 0\."),
        (f"{SHORT}learning_rate: 10.5", r"less than or equal to 10, got 10\.5\."),
        (f"{SHORT}learning_rate: fast", r"'learning_rate': expected a number, got 'fast'\."),
        (f"{SHORT}learning_rate:", r"'learning_rate': expected a number\."),
        (f"{SHORT}layer_decay: 0.5", r"'layer_decay': .*greater than or equal to 1, got 0\.5\."),
        (f"{SHORT}layer_decay: yes", r"'layer_decay': expected a number, got True\."),
        (f"{SHORT}task_weights: {{ner: .nan}}", r"'task_weights\.ner': .*got nan\."),
        (f"{SHORT}task_weights: {{ner: true}}", r"'task_weights\.ner': expected a number"),
        (f"{SHORT}task_weights: {{ner: -1}}", r"'task_weights\.ner': .*got -1\."),
        (f"{SHORT}task_weights: 1", r"'task_weights': expected keys with values, got 1\."),
        (in_phase("train: [], epochs: -1"), r"'epochs' of phase 1: .*greater than 0, got -1\."),
        (in_phase("train: [], epochs: 0"), r"'epochs' of phase 1: .*got 0\."),
        (in_phase("train: [], epochs: true"), r"'epochs' of phase 1: expected a number"),
        (in_phase("train: [], epochs: .inf"), r"'epochs' of phase 1: .*finite"),
        (in_phase("train: heads"), r"'train' of phase 1: expected a list.*got 'heads'\."),
        (in_phase("train: "), r"'train' of phase 1: expected a list"),
        (in_phase("train: [top: 1]"), r"'train' of phase 1: expected text"),
        (in_phase("train: [1]"), r"'train' of phase 1: expected text .*, got 1\."),
        (in_phase("epochs: 1"), r"'train' of phase 1 is missing\."),
        ("name: x\nphases: []", r"'phases': expected at least one\."),
        ("name: x\nphases:", r"'phases': expected a list"),
        ("name: x\nphases: [heads]", r"phase 1: expected keys such as 'name' and 'train'"),
        ("name: x", r"'phases' is missing\."),
        ("name: on\nphases: [{name: a, train: []}]", r"'name': expected text .*, got True\."),
        ("name: ''\nphases: [{name: a, train: []}]", r"'name': .*at least 1 character"),
        ("name: x\nphases: [{name: a, train: []}, {name: a, train: []}]", "are called 'a'"),
    ],
)
def test_an_impossible_value_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InvalidPlan, match=says):
        parse_plan(text)


@pytest.mark.parametrize("text", ["", "null", "hello", "- a\n- b", "42", "# only a comment"])
def test_what_has_no_keys_is_no_plan_and_the_message_says_how_to_get_one(text: str) -> None:
    with pytest.raises(InvalidPlan, match=r"`python -m mtl_core plan .*` prints one"):
        parse_plan(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (in_phase("train: [*.bias]"), 3),
        ("name: x\nphases:\n  - name: a\n    train:\n      - *LayerNorm\n", 5),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", 2),
    ],
)
def test_an_unquoted_star_is_refused_with_the_remedy_and_never_multiplied(
    text: str, line: int
) -> None:
    with pytest.raises(InvalidPlan, match=rf"line {line}: .*put a pattern in quotes"):
        parse_plan(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: " + "[" * 40_000, "line 1: nested too deeply"),
        ("{a: " * 10_000, "line 1: nested too deeply"),
        ("\n".join(" " * i + "a:" for i in range(200)), "line 33: nested too deeply"),
        ("#" * 10_000_000, "longer than the 50,000 characters"),
        ("\x00\x01\x02", "not allowed"),
        ("name: !!python/object/apply:os.system [ls]", "line 1: could not determine a constructor"),
        (f"{SHORT}---\n{SHORT}", "line 4: but found another document"),
        ("name: x\n\tphases: []", "line 2: found character"),
        (f"{SHORT}learning_rate: {'9' * 5_000}", "line 4: not a valid int"),
        ("name: !!int ten", "line 1: not a valid int"),
        ("name: !!bool ten", "line 1: not a valid bool"),
        ("name: !!timestamp ten", "line 1: not a valid timestamp"),
        ('name: "\\ud800"\nphases: [{name: a, train: []}]', "'name': .*unicode"),
        ("name: x\n<<: {a: 1}", "line 2"),
    ],
    ids=lambda value: value[:20].encode("unicode_escape").decode(),
)
def test_hostile_text_is_refused_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidPlan, match=says) as refused:
        parse_plan(text)

    assert len(str(refused.value)) < 400


def test_a_date_is_text() -> None:
    assert parse_plan(SHORT.replace("name: x", "name: 2020-13-45")).name == "2020-13-45"


def test_a_plan_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "❄.yaml"
    path.write_text(EXAMPLE, encoding="utf-8")

    assert read_plan(path) == parse_plan(EXAMPLE)


def test_a_missing_file_a_folder_and_binary_are_refused_by_name(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00name")

    for path, says in (
        (tmp_path / "missing.yaml", "There is no plan file at .*missing.yaml"),
        (tmp_path, "cannot be read as UTF-8 text: .*directory"),
        (binary, "binary.yaml cannot be read as UTF-8 text"),
        (Path("a\x00b"), "cannot be read as UTF-8 text: embedded null byte"),
        (Path("x" * 5_000), "cannot be read as UTF-8 text: .*too long"),
    ):
        with pytest.raises(InvalidPlan, match=says):
            read_plan(path)


def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(InvalidPlan, match="longer than the 50,000 characters"):
        read_plan(Path("/dev/zero"))
