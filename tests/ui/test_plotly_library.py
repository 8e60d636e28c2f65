from pathlib import Path

import plotly

from mtl_core.ui.shared.live_chart import publish_library

SHIPPED = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def test_the_library_is_placed_whole_where_the_app_serves_files(tmp_path: Path) -> None:
    assert publish_library(tmp_path / "static")
    assert [file.name for file in (tmp_path / "static").iterdir()] == ["plotly.min.js"]
    assert (tmp_path / "static" / "plotly.min.js").read_bytes() == SHIPPED.read_bytes()


def test_a_library_of_another_version_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "plotly.min.js").write_text("old", encoding="utf-8")
    assert publish_library(tmp_path)
    assert (tmp_path / "plotly.min.js").stat().st_size == SHIPPED.stat().st_size


def test_one_that_is_there_is_left_alone(tmp_path: Path) -> None:
    publish_library(tmp_path)
    before = (tmp_path / "plotly.min.js").stat().st_ino
    assert publish_library(tmp_path)
    assert (tmp_path / "plotly.min.js").stat().st_ino == before


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert not publish_library(tmp_path / "file")
