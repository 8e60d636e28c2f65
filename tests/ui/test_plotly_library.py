from pathlib import Path

import plotly
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mtl_core.ui.shared.plotly_library import copy_library, library_address, library_route

SHIPPED = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def test_the_library_is_served_whole_from_the_installed_package() -> None:
    response = TestClient(Starlette(routes=[library_route()])).get(library_address())

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.content == SHIPPED.read_bytes()


def test_its_address_names_the_version() -> None:
    assert library_address() == f"/app/static/plotly.min.js?{plotly.__version__}"


def test_streamlit_run_finds_a_whole_copy_also_after_a_partial_one(tmp_path: Path) -> None:
    (tmp_path / "plotly.min.js").write_bytes(b"half of")

    copy_library(tmp_path)

    assert (tmp_path / "plotly.min.js").read_bytes() == SHIPPED.read_bytes()


def test_a_folder_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy_library(tmp_path / "missing")

    assert "Live charts cannot be drawn" in caplog.text
