"""Who may do what on the pages, and how a browser is recognised."""

import ast
import hashlib
import re
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from mtl_core.app_files import app_folder
from mtl_core.engine.actor import Actor
from mtl_core.engine.lab import Lab
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.store.record import PlannedRun, RunState
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunStopped
from mtl_core.training.spec import RunSpec
from mtl_core.ui.shared.keys import Key
from mtl_core.ui.shared.known_hosts import KnownHosts, is_known_host
from mtl_core.ui.shared.visitor import COOKIE, VisitorCookie

VALUE, OTHER = "0" * 32, "f" * 32
OPERATIONS = {
    *("start", "stop", "delete", "undo_delete", "name_run", "start_comparison", "resume_run"),
    *("queue_comparison", "queue_planned", "stop_comparison", "resume_comparison", "add_seeds"),
    *("name_comparison", "delete_comparison", "undo_delete_comparison", "save_upload"),
    *("delete_upload", "pause_queue", "clear_queue", "hide_shipped", "show_shipped", "hidden"),
    *("may_delete_upload", "complete_arms", "queue_arms"),
}
SPEC = RunSpec(
    checkpoint="minilm-l6",
    scenario="heads-only",
    plan=Plan(name="heads only", phases=(Phase(name="heads", train=("heads",)),)),
    tasks=DEFAULT_TASKS,
)
COMPARED = ComparisonSpec(checkpoint="minilm-l6", scenarios=("heads-only",), seeds=(0,))


def id_of(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:32]


def page_of(name: str, **query: str) -> AppTest:
    page = AppTest.from_file(str(app_folder() / "app.py"), default_timeout=60)
    page.session_state[Key.VISITOR] = VALUE
    page.switch_page(f"pages/{name}.py")
    for key, value in query.items():
        page.query_params[key] = value
    return page.run()


def keys_of(page: AppTest) -> set[str]:
    return {str(each.key) for each in page.button if each.key}


def add_comparison(lab: Lab, value: str) -> str:
    visitor = id_of(value)
    record = lab.store.add_comparison(COMPARED, [PlannedRun(SPEC)], visitor=visitor)
    return record.id


def test_only_who_started_a_run_can_stop_it(lab: Lab) -> None:
    own = lab.store.add(SPEC, RunState.RUNNING, visitor=id_of(VALUE)).id
    other = lab.store.add(SPEC, RunState.RUNNING, visitor=id_of(OTHER)).id
    assert Key.STOP in keys_of(page_of("train", run=own))
    page = page_of("train", run=other)
    assert Key.STOP not in keys_of(page)
    assert not page.exception


def test_only_who_started_a_run_can_name_and_delete_it(lab: Lab) -> None:
    for value, may in ((VALUE, True), (OTHER, False)):
        run = lab.store.add(SPEC, RunState.RUNNING, visitor=id_of(value)).id
        lab.store.append(run, [RunStopped(elapsed_seconds=1.0, reason="enough")])
        keys = keys_of(page_of("train", run=run))
        assert (Key.DELETE in keys, Key.SAVE_NAME in keys) == (may, may)


def test_only_who_started_a_comparison_can_stop_rename_and_delete_it(lab: Lab) -> None:
    controls = {Key.STOP_COMPARISON, Key.SAVE_COMPARISON_TITLE, Key.DELETE_COMPARISON}
    own = page_of("compare", comparison=add_comparison(lab, VALUE))
    assert controls <= keys_of(own)
    other = page_of("compare", comparison=add_comparison(lab, OTHER))
    assert not controls & keys_of(other)


def test_the_teacher_enters_the_key_and_can_then_control_the_queue(
    monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    settings = lab.settings.model_copy(update={"teacher_key": "open sesame"})
    monkeypatch.setattr(lab, "settings", settings)
    run = lab.store.add(SPEC, visitor=id_of(OTHER)).id
    page = page_of("train")
    page.text_input(Key.TEACHER_KEY).input("open barley")
    page.button(Key.ENTER_TEACHER_KEY).click().run()
    assert [error.value for error in page.error] == ["Wrong teacher key."]
    page.text_input(Key.TEACHER_KEY).input("open sesame")
    page.button(Key.ENTER_TEACHER_KEY).click().run()
    page.button(Key.PAUSE_QUEUE).click().run()
    assert lab.store.is_paused()
    assert "The queue is paused" in page.info[0].value
    waiting = page_of("train", run=run).get("progress")
    position = "Position **1** in the queue: it starts after the teacher resumes the queue."
    assert position in [each.proto.text for each in waiting]
    page.button(Key.CLEAR_QUEUE).click().run()
    assert lab.store.run(run).state is RunState.STOPPED
    page.button(Key.LEAVE_AS_TEACHER).click().run()
    assert Key.PAUSE_QUEUE not in keys_of(page)


def test_each_operation_of_the_lab_is_called_for_the_visitor() -> None:
    """No page may act as the user of this machine, who is the default actor."""
    forgotten = [
        f"{path.name}:{call.lineno} {name}"
        for path in (*Path("mtl_core/ui").rglob("*.py"), *Path("pages").glob("*.py"))
        for call, name in calls_in(path)
        if name in OPERATIONS and not re.search(r"\b(current_visitor|actor)\b", ast.unparse(call))
    ]
    assert forgotten == []


def calls_in(path: Path) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and ast.unparse(called.value) in (
                "lab",
                "the_lab()",
            ):
                yield node, called.attr
            elif isinstance(called, ast.Name) and called.id.endswith("_arms"):
                yield node, called.id


def client(base_url: str = "http://testserver") -> TestClient:
    routes = [
        Route("/", lambda _request: HTMLResponse("<p>page</p>")),
        Route("/app.js", lambda _request: PlainTextResponse("code")),
    ]
    site = Starlette(routes=routes, middleware=[Middleware(VisitorCookie)])
    return TestClient(site, base_url=base_url)


def test_a_browser_gets_one_cookie_that_no_script_can_read() -> None:
    browser = client()
    assert "set-cookie" not in browser.get("/app.js").headers
    given = browser.get("/").headers["set-cookie"]
    morsel = SimpleCookie(given)[COOKIE]
    assert re.fullmatch(r"[0-9a-f]{32}", morsel.value)
    assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "Lax", "/")
    assert not morsel["secure"]  # a browser would not send it back over plain http
    assert "set-cookie" not in browser.get("/").headers


def test_a_cookie_that_the_server_did_not_make_is_replaced() -> None:
    answer = client().get("/", headers={"cookie": f"{COOKIE}=me"})
    assert COOKIE in answer.headers["set-cookie"]


@pytest.mark.parametrize("proto", ["https", "https, http"])
def test_the_cookie_is_for_https_only_behind_a_proxy_with_https(proto: str) -> None:
    given = client().get("/", headers={"x-forwarded-proto": proto}).headers["set-cookie"]
    assert SimpleCookie(given)[COOKIE]["secure"]


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1:8501", True),
        ("192.168.1.20:8501", True),
        ("[::1]:8501", True),
        ("localhost:8501", True),
        ("LOCALHOST.", True),
        ("lab.example.org", True),
        ("lab.example.org:443", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("lab.example.org.evil.example", False),
        ("user@127.0.0.1", False),
        ("127.0.0.1:port", False),
        ("127.0.0.1/path", False),
        ("", False),
    ],
)
def test_a_host_is_known_by_number_or_by_a_listed_name(host: str, known: bool) -> None:
    assert is_known_host(host, {"lab.example.org"}) is known


def test_a_foreign_host_is_refused_before_the_page_is_made() -> None:
    routes = [Route("/", lambda _request: HTMLResponse("<p>page</p>"))]
    site = Starlette(routes=routes, middleware=[Middleware(KnownHosts, names=["lab.example.org"])])
    browser = TestClient(site, base_url="http://lab.example.org")
    assert browser.get("/").status_code == 200
    refused = browser.get("/", headers={"host": "evil.example"})
    assert refused.status_code == 400
    assert "FREEZE_LAB_HOSTS" in refused.text


def test_visitors_without_a_cookie_are_strangers_to_each_other() -> None:
    first, second = (Actor(visitor=id_of(value)) for value in (VALUE, OTHER))
    assert first.owns(first.visitor)
    assert not first.owns(second.visitor)


def test_behind_a_teacher_key_no_visitor_changes_what_the_command_line_started(
    monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    run = lab.store.add(SPEC, RunState.RUNNING).id
    assert Key.STOP in keys_of(page_of("train", run=run))
    settings = lab.settings.model_copy(update={"teacher_key": "open sesame"})
    monkeypatch.setattr(lab, "settings", settings)
    assert Key.STOP not in keys_of(page_of("train", run=run))
