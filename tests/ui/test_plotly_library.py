from pathlib import Path

import plotly
from starlette.applications import Starlette
from starlette.testclient import TestClient

from mtl_core.ui.shared.plotly_library import library_address, library_route

SHIPPED = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def test_the_library_is_served_whole_from_the_installed_package() -> None:
    response = TestClient(Starlette(routes=[library_route()])).get(library_address())

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/javascript")
    assert response.content == SHIPPED.read_bytes()


def test_its_address_names_the_version() -> None:
    assert library_address() == f"/app/static/plotly.min.js?{plotly.__version__}"
