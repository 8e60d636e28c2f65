"""Serves plotly.min.js straight from the installed plotly package."""

from pathlib import Path

import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

LIBRARY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def library_route() -> Route:
    """The route that answers requests for `library_address`."""
    return Route(_path(), _respond)


def library_address() -> str:
    """The library's address, with its version: a browser loads it again after an upgrade."""
    return f"{_path()}?{plotly.__version__}"


def _path() -> str:
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"{f'/{base}' if base else ''}/app/static/{LIBRARY.name}"


def _respond(_request: Request) -> FileResponse:
    return FileResponse(LIBRARY, media_type="text/javascript")
