import pytest

from mtl_core.charts.drift import Drift
from mtl_core.export.maps import drift_title, drift_words


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ((0.5, 0.5, 0.5, 0.5), "exactly as before"),
        ((0.5, 0.52, 0.48, 0.55), "within the seeds' range"),
        ((0.647, 0.28, 0.24, 0.32), "0.367 lost"),
        ((0.1, 0.3, 0.3, 0.3), "0.200 gained"),
    ],
)
def test_what_became_of_a_task_left_out_is_said_by_its_seeds(
    scores: tuple[float, float, float, float], words: str
) -> None:
    assert drift_words(*scores) == words


def test_the_title_names_the_plan_that_changed_the_task_most() -> None:
    held = Drift("frozen", 0.5, 0.5, 0.5, 0.5, "exactly as before")
    fell = Drift("full", 0.5, 0.2, 0.1, 0.3, "0.300 lost")
    assert drift_title("NER", [held, fell]) == "NER left out: 0.300 lost with full"
    assert drift_title("NER", [held]) == "NER left out: its score held"
