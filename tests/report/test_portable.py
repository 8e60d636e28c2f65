"""Names instead of paths in what leaves this machine."""

import tempfile
from pathlib import Path

import pytest

from mtl_core.report.portable import PathNames

DATA, OTHER = "/srv/data/course/week 1/manifest.yaml", "/home/anna/manifest.yaml"
TINY = "/models/tiny-bert"


@pytest.fixture
def names() -> PathNames:
    return PathNames([DATA, OTHER, TINY, "sample", "./own.yaml"], [Path("/srv/data"), Path("/fl")])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DATA, "./course/week 1/manifest.yaml"),
        (OTHER, "./manifest.yaml"),
        (TINY, "./tiny-bert"),
        ("sample", "sample"),
        ("./own.yaml", "./own.yaml"),
        (f"{OTHER}: train.csv", "./manifest.yaml: train.csv"),
        ("/home/anna/train.csv, line 3", "./train.csv, line 3"),
        (f"'{TINY}/model.safetensors'", "'./tiny-bert/model.safetensors'"),
        (f"in {TINY}.", "in ./tiny-bert."),
        (f"{TINY}-2", f"{TINY}-2"),
        ("/fl/runs/a and /fl", "runs/a and fl"),
        (f"{tempfile.gettempdir()}/x/y.log", "x/y.log"),
        (f"{Path.home()}/x", "x"),
        ("https://example.org/models/tiny-bert", "https://example.org/models/tiny-bert"),
        ("and/or", "and/or"),
    ],
)
def test_a_path_becomes_relative_to_its_folder_or_its_last_part(
    names: PathNames, text: str, expected: str
) -> None:
    assert names.in_text(text) == expected
    assert names.in_json({text: [text, 1, None]}) == {expected: [expected, 1, None]}


def test_two_paths_have_two_names_and_a_name_leads_back() -> None:
    paths = ["/a/x/manifest.yaml", "/b/x/manifest.yaml", "/manifest.yaml", "/x/manifest.yaml"]
    names = PathNames(paths)
    found = [names.in_text(each) for each in paths]
    assert found == [
        *("./manifest.yaml", "./x/manifest.yaml", "./2-manifest.yaml", "./3-manifest.yaml"),
    ]
    assert [names.path_of(each) for each in found] == paths
    assert names.path_of("sample") == "sample"
