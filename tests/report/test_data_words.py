"""The name by which data are called in public text."""

import pytest

from mtl_core.tasks.data_name import data_name


@pytest.mark.parametrize(
    ("reference", "name", "shown"),
    [
        ("sample", None, "sample"),
        ("/home/anna/reviews.yaml", None, "reviews.yaml"),
        ("/home/anna/reviews/manifest.yaml", None, "reviews"),
        ("reviews/manifest.yaml", None, "reviews"),
        ("manifest.yaml", None, "manifest.yaml"),
        ("./manifest.yaml", None, "manifest.yaml"),
        ("../manifest.yaml", None, "manifest.yaml"),
        ("/manifest.yaml", None, "manifest.yaml"),
        ("/home/anna/reviews/manifest.yaml", "Reviews of hotels", "Reviews of hotels"),
        ("upload:0123456789abcdef", None, "your upload: sentiment, ner"),
    ],
)
def test_data_without_a_name_are_called_by_their_file_or_its_folder(
    reference: str, name: str | None, shown: str
) -> None:
    assert data_name(reference, ("sentiment", "ner"), name) == shown
