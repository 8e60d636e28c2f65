"""The dashboard's own files: `app.py`, `pages/`, `static/` and `.streamlit/config.toml`."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def app_folder() -> Path:
    """The folder that holds `app.py` and the files beside it.

    In an installed package this is `mtl_core/dashboard`; in a clone it is the root of the tree.
    """
    installed = _PACKAGE / "dashboard"
    return installed if installed.is_dir() else _PACKAGE.parent
