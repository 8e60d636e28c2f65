"""Lists of available names in error messages."""

import pytest

from mtl_core.nearest import available_names, did_you_mean, nearest_or_newest, quoted


@pytest.mark.parametrize(
    ("name", "most", "text"),
    [
        ("nre", 1, " Did you mean 'ner'?"),
        ("top-", 2, " Did you mean 'top-2' or 'top-1'?"),
        ("zzz", 2, ""),
    ],
)
def test_similar_names_are_suggested(name: str, most: int, text: str) -> None:
    assert did_you_mean(name, ["ner", "sentiment", "top-1", "top-2"], most) == text


def test_available_names_begin_with_the_nearest() -> None:
    names = ["text", "label"]
    assert available_names("lable", names, "Keys") == "Nearest: 'label'. Keys: 'text', 'label'."
    assert available_names("xyz", names, "Keys") == "Keys: 'text', 'label'."


def test_twelve_names_are_quoted_and_the_others_counted() -> None:
    assert quoted([str(number) for number in range(14)]).endswith("'11' and 2 more")
    assert quoted(["a" * 70]) == f"'{'a' * 60}'"


def test_without_a_near_id_the_newest_are_listed() -> None:
    ids = ["run-4", "run-3", "run-2", "run-1"]
    assert nearest_or_newest("run-9", ids, "`x`.") == "Nearest: run-4, run-3, run-2."
    assert nearest_or_newest("?", ids, "`x` lists all.") == (
        "The newest: run-4, run-3, run-2. `x` lists all."
    )
