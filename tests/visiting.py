"""A visit to a page without a browser, and what is read there."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

APP = str(Path(__file__).parents[1] / "app.py")


def visited(page: str, **query: str) -> AppTest:
    """The page `pages/PAGE.py` as a visitor of this address sees it."""
    app = AppTest.from_file(APP, default_timeout=120)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def heading(app: AppTest) -> str:
    """The page's answer as it is read, without Markdown's escapes."""
    answer = next(each.value for each in app.markdown if each.value.startswith("# "))
    return str(answer.removeprefix("# ").replace("\\", ""))
