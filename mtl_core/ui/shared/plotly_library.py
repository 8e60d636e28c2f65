"""Serves plotly.min.js from the installed plotly package to the live charts.

The dashboard's own server has a route for it. `streamlit run app.py` has no such route, so the
file is copied into `static/`, which Streamlit serves at the same address.
"""

import logging
import shutil
from pathlib import Path
from threading import Event

import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

from mtl_core.app_files import app_folder

LIBRARY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"

_has_route = Event()


def library_route() -> Route:
    """The route that answers requests for `library_address`."""
    _has_route.set()
    return Route(_path(), _respond)


def library_address() -> str:
    """The library's address, with its version: a browser loads it again after an upgrade."""
    if not _has_route.is_set():
        copy_library(app_folder() / "static")
    return f"{_path()}?{plotly.__version__}"


def copy_library(folder: Path) -> None:
    """Copy the library into `folder`, unless it is there. Logs a warning if that fails."""
    copy = folder / LIBRARY.name
    try:
        if not copy.exists() or copy.stat().st_size != LIBRARY.stat().st_size:
            shutil.copyfile(LIBRARY, copy)
    except OSError as error:
        logging.getLogger(__name__).warning("Live charts cannot be drawn: %s", error)


def _path() -> str:
    base = st.get_option("server.baseUrlPath").strip("/")
    return f"{f'/{base}' if base else ''}/app/static/{LIBRARY.name}"


def _respond(_request: Request) -> FileResponse:
    return FileResponse(LIBRARY, media_type="text/javascript")
