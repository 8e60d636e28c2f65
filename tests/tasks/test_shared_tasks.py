import pytest

from mtl_core.errors import DataError, InvalidRun
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.data_sources import owner_dataset
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.shared_tasks import check_other_data
from mtl_core.tasks.task import DEFAULT_TASKS, Task, TaskKind

POLARITY = Task(name="polarity", kind=TaskKind.SENTENCE, head="classifier", outputs=("no", "yes"))
OTHER_LABELS = Task(
    name="sentiment", kind=TaskKind.SENTENCE, head="classifier", outputs=("no", "yes")
)


def test_the_sample_posts_have_the_samples_tasks() -> None:
    tasks = load_dataset("sample", ANY_FILE).tasks
    assert tasks == DEFAULT_TASKS
    check_other_data("sample", ("sample-posts",), tasks, owner_dataset)


def test_data_that_a_run_learns_from_are_no_other_data() -> None:
    with pytest.raises(InvalidRun, match="'sample' is the training data of this run"):
        check_other_data("sample", ("sample-posts", "sample"), DEFAULT_TASKS, owner_dataset)


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_other_data_are_not_called_like_a_split(name: str) -> None:
    with pytest.raises(InvalidRun, match=f"Name the folder of other data './{name}'"):
        check_other_data("sample", (name,), DEFAULT_TASKS, owner_dataset)


def test_data_without_any_of_the_tasks_are_refused_with_what_they_have() -> None:
    with pytest.raises(InvalidRun, match="'sample-posts' has none of the run's tasks"):
        check_other_data("sample", ("sample-posts",), (POLARITY,), owner_dataset)


def test_a_task_of_the_same_name_with_other_labels_is_refused() -> None:
    with pytest.raises(InvalidRun, match="The labels of 'sentiment' in 'sample-posts'"):
        check_other_data("sample", ("sample-posts",), (OTHER_LABELS,), owner_dataset)


def test_other_data_that_do_not_exist_are_named() -> None:
    with pytest.raises(DataError, match="There are no data called 'no-such'"):
        check_other_data("sample", ("no-such",), DEFAULT_TASKS, owner_dataset)
