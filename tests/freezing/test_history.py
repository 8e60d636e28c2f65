from mtl_core.freezing.editing import MOST_STEPS, History


def test_undo_and_redo_walk_over_what_there_was() -> None:
    history = History(("a",)).then("b").then("c")
    assert (history.now, history.can_undo, history.can_redo) == ("c", True, False)
    back = history.undone().undone()
    assert (back.now, back.can_undo, back.can_redo) == ("a", False, True)
    assert back.undone() == back
    assert back.redone().now == "b"
    assert history.redone() == history


def test_a_new_step_forgets_what_was_undone_and_the_same_step_is_none() -> None:
    history = History(("a",)).then("b").undone().then("c")
    assert history == History(("a", "c"), 1)
    assert history.then("c") is history


def test_the_oldest_step_is_forgotten_beyond_the_most() -> None:
    history = History((0,))
    for step in range(1, MOST_STEPS + 10):
        history = history.then(step)
    assert len(history.steps) == MOST_STEPS
    assert (history.steps[0], history.now) == (10, MOST_STEPS + 9)
