"""What a run moves and what it does not, to the bit, in the file it writes."""

import pytest

from mtl_core.freezing.plan import Phase, Plan

HEADS = {"classifier.weight", "classifier.bias", "ner.weight", "ner.bias"}
POOLER = {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}


def within(names, *prefixes):
    return {name for name in names if name.startswith(prefixes)}


@pytest.fixture
def end(bench, tmp_path):
    """The tensors that a run writes."""

    def run(plan, **values):
        folder = tmp_path / f"output {len(list(tmp_path.iterdir()))}"
        return bench.end(bench.spec(plan, **values), folder)

    return run


def test_heads_only_moves_the_heads_and_not_one_bit_of_the_backbone(bench, end, moved):
    assert moved(bench.start(), end("heads-only")) == HEADS


def test_top_1_moves_the_heads_and_the_last_layer(bench, end, moved):
    start = bench.start()

    assert moved(start, end("top-1")) == HEADS | within(start, "bert.encoder.layer.1.")


def test_freezing_a_head_moves_all_but_that_head_and_the_pooler(bench, end, moved):
    start = bench.start()

    assert set(start) - moved(start, end("freeze-head:ner")) == POOLER | within(start, "ner.")


def test_full_moves_all_but_the_pooler_which_no_loss_reaches(bench, end, moved):
    start = bench.start()

    assert set(start) - moved(start, end("full")) == POOLER


def test_bottom_layers_can_learn_below_a_frozen_one(bench, end, moved):
    start = bench.start()

    assert moved(start, end(bench.plan(["layer:0"]))) == within(start, "bert.encoder.layer.0.")


def test_gradual_moves_one_layer_more_in_each_phase(bench, end, moved):
    plan = bench.scenario("gradual")
    assert [phase.name for phase in plan.phases] == ["heads", "+ layer 1", "+ layer 0"]
    start = bench.start()
    last = within(start, "bert.encoder.layer.1.")
    first = within(start, "bert.encoder.layer.0.")

    one, two, three = (
        end(plan.model_copy(update={"phases": plan.phases[:count]}), epochs=count)
        for count in (1, 2, 3)
    )

    assert moved(start, one) == HEADS
    assert moved(one, two) == HEADS | last
    assert moved(two, three) == HEADS | last | first


def test_a_tensor_frozen_again_is_moved_by_no_stale_gradient_or_momentum(bench, end, moved):
    all_then_heads = bench.plan(["all"], ["heads"], learning_rate=1e-2)

    after_all = end(bench.plan(["all"], learning_rate=1e-2), epochs=1)
    after_heads = end(all_then_heads, epochs=2)

    assert moved(after_all, after_heads) == HEADS
    assert within(moved(bench.start(), after_all), "bert.encoder.layer.0.")


def test_a_tensor_frozen_for_one_phase_is_trained_again_in_the_next(bench, end, moved):
    middle = end(bench.plan(["all"], ["heads"]), epochs=2)
    last = end(bench.plan(["all"], ["heads"], ["heads", "top:1"]), epochs=3)

    assert moved(middle, last) == HEADS | within(middle, "bert.encoder.layer.1.")


def test_weight_decay_does_not_move_what_is_frozen(bench, end, moved):
    plan = bench.plan(["layer:1"], learning_rate=10.0)

    assert moved(bench.start(), end(plan)) == within(bench.start(), "bert.encoder.layer.1.")


def test_freeze_wins_over_every_phase(bench, end, moved):
    plan = bench.plan(["heads"], ["all"], freeze=("bert.embeddings.*", "head:sentiment"))
    start = bench.start()

    still = set(start) - moved(start, end(plan, epochs=2))

    assert still == POOLER | within(start, "bert.embeddings.", "classifier.")


def test_a_task_that_weighs_nothing_is_evaluated_and_teaches_nothing(bench, tmp_path, of, moved):
    plan = bench.plan(["all"], task_weights={"sentiment": 1.0, "ner": 0.0})
    spec = bench.spec(plan, epochs=2)
    folder = tmp_path / "output"

    events = bench.run(spec, folder)

    assert all(set(event.tasks) == {"sentiment", "ner"} for event in of(events, "evaluation"))
    assert all(event.loss["ner"] is None for event in of(events, "step"))
    assert len(of(events, "step")) == 4  # 8 sentences; the 4 of ner are not drawn
    assert of(events, "run_started")[0].totals.unreached == 1056 + 4 * 32 + 4


def test_the_head_of_a_task_that_weighs_nothing_keeps_every_bit(bench, end, moved):
    plan = bench.plan(["all"], task_weights={"sentiment": 1.0, "ner": 0.0})
    start = bench.start()

    assert set(start) - moved(start, end(plan)) == POOLER | within(start, "ner.")


def test_everything_frozen_is_a_run_of_one_evaluation_and_no_step(
    bench, tmp_path, of, moved, notes_of
):
    folder = tmp_path / "output"
    events = bench.run(bench.spec("frozen"), folder)

    assert [event.event for event in events] == [
        "run_started",
        "evaluation",
        "answers",
        "phase_started",
        "phase_finished",
        "answers",
        "measured",
        "run_finished",
    ]
    started, evaluation, _, phase, *_, finished = events
    assert started.total_steps == 0
    assert notes_of(started) == (
        "Nothing is trained: this run only evaluates the untrained model.",
    )
    assert (phase.trainable, phase.steps, phase.epochs) == (0, 0, 0.0)
    assert finished.metrics == evaluation.tasks
    assert finished.frozen_tensors == len(bench.start())


def test_everything_frozen_writes_the_checkpoint_as_it_was(bench, end, moved):
    assert moved(bench.start(), end("frozen")) == set()


def test_a_phase_in_which_nothing_learns_takes_no_step_among_others_that_do(bench, of, notes_of):
    events = bench.run(bench.spec(bench.plan([], ["heads"]), epochs=2))

    assert [event.steps for event in of(events, "phase_started")] == [0, 3]
    assert [event.step for event in of(events, "step")] == [1, 2, 3]
    assert of(events, "run_started")[0].total_steps == 3
    assert notes_of(of(events, "run_started")[0]) == ()


def test_every_phase_says_that_what_it_froze_is_identical_and_how_much_that_is(bench, of):
    events = bench.run(bench.spec("gradual", epochs=3))
    tensors = len(bench.start())

    finished = of(events, "phase_finished")
    assert [event.frozen_identical for event in finished] == [True, True, True]
    assert [event.frozen_tensors for event in finished] == [
        tensors - 4,
        tensors - 4 - 16,
        tensors - 4 - 32,
    ]
    assert of(events, "run_finished")[0].frozen_tensors == tensors - 4 - 32
    assert of(events, "run_finished")[0].frozen_identical is True


def test_a_frozen_head_can_stand_where_only_the_other_task_is_in_the_batch(bench, end, moved):
    plan = Plan(
        name="one head",
        phases=(Phase(name="only ner", train=("head:ner",)),),
        schedule="constant",
    )

    assert moved(bench.start(), end(plan, batch_size=1)) == {"ner.weight", "ner.bias"}
