"""Same spec, same numbers to the bit; and what different specs of one seed share."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import mtl_core
from mtl_core.training.events import event_from_json
from mtl_core.training.random_streams import stream_seed
from mtl_core.training.run import fine_tune

PROGRAM = """
import sys
from mtl_core.training.events import event_to_json
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec

for event in fine_tune(RunSpec.model_validate_json(sys.stdin.read()), "a run"):
    print(event_to_json(event))
"""


@pytest.fixture
def told(bench, without_times):
    """All a run says but for times: every loss, rate and score with all its digits."""

    def run(plan="full", **values):
        return [without_times(each) for each in bench.run(bench.spec(plan, **values))]

    return run


def losses(events):
    return [event["loss"] for event in events if event["event"] == "step"]


def test_the_same_spec_gives_the_same_numbers_to_the_bit_in_one_process(told):
    assert told("full", epochs=2) == told("full", epochs=2)


def test_the_same_spec_gives_the_same_numbers_to_the_bit_in_fresh_processes(
    bench, told, without_times
):
    spec = bench.spec("full")
    root = Path(mtl_core.__file__).parents[1]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [child.communicate(spec.model_dump_json(), timeout=120) for child in children]

    here = told("full")
    for child, (output, errors) in zip(children, said, strict=True):
        assert child.returncode == 0, errors
        assert [without_times(event_from_json(line)) for line in output.splitlines()] == here


def test_a_spec_filled_in_by_a_run_repeats_that_run(bench, told, of, without_times):
    (started,) = of(bench.run(bench.spec("full")), "run_started")

    again = [without_times(event) for event in bench.run(started.spec)]

    assert again == told("full")


@pytest.mark.usefixtures("global_random_state")
def test_others_drawing_from_torchs_generator_change_nothing(bench, told, without_times):
    undisturbed = told("full")

    disturbed = []
    for event in fine_tune(bench.spec("full"), "a run"):
        torch.rand(7)
        disturbed.append(without_times(event))

    assert disturbed == undisturbed


@pytest.mark.usefixtures("global_random_state")
def test_a_run_leaves_torchs_generator_as_it_was(bench):
    torch.manual_seed(5)
    before = torch.get_rng_state()

    bench.run(bench.spec("full"))

    assert torch.equal(torch.get_rng_state(), before)


def test_another_seed_gives_other_heads_another_order_and_other_losses(told):
    one, two = told(seed=1), told(seed=2)

    assert one[1]["event"] == two[1]["event"] == "evaluation"
    assert one[1]["tasks"]["ner"]["loss"] != two[1]["tasks"]["ner"]["loss"]
    assert losses(one) != losses(two)


def test_two_scenarios_of_a_seed_begin_with_the_same_heads_and_share_the_order(told):
    heads, full = (told(plan, seed=3, batch_size=1) for plan in ("heads-only", "full"))

    assert heads[1]["tasks"] == full[1]["tasks"]
    order = [[task for task, loss in each.items() if loss is not None] for each in losses(heads)]
    assert order == [
        [task for task, loss in each.items() if loss is not None] for each in losses(full)
    ]
    assert sorted(order) == [["ner"]] * 4 + [["sentiment"]] * 8


def test_the_first_evaluation_does_not_depend_on_batch_size_or_epochs(told):
    assert told(batch_size=3, epochs=1)[1] == told(batch_size=12, epochs=2)[1]


def test_streams_of_a_seed_differ_by_name_and_by_seed():
    seeds = [
        stream_seed(0, "order", 0),
        stream_seed(0, "order", 1),
        stream_seed(1, "order", 0),
        stream_seed(0, "dropout"),
        stream_seed(0, "order", 10),
        stream_seed(0, "order", "1", 0),
    ]

    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_stream_is_fixed_for_all_time():
    digest = "0da693a3e3f14ff1"  # printf "(0, 'dropout')" | sha256sum

    assert stream_seed(0, "dropout") == int(digest, 16) // 2
