"""What a browser may send: the size of messages, and uploads that a session holds."""

from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from mtl_core.ui.shared.request_limits import (
    ALL_BYTES,
    MESSAGE_BYTES,
    SESSION_BYTES,
    SESSION_FILES,
    HeldUploads,
    RequestLimits,
)


async def received(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_text(str(len(await socket.receive_bytes())))


@pytest.fixture
def browser() -> TestClient:
    routes = [
        Route("/_stcore/upload_file/{session}/{file}", received, methods=["PUT", "DELETE"]),
        WebSocketRoute("/_stcore/stream", echo),
    ]
    limits = Middleware(RequestLimits, is_active=lambda _session: True)
    return TestClient(Starlette(routes=routes, middleware=[limits]))


def test_a_session_holds_a_bounded_number_of_files(browser: TestClient) -> None:
    for number in range(SESSION_FILES):
        assert browser.put(f"/_stcore/upload_file/a/{number}", content=b"x").status_code == 200
    refused = browser.put("/_stcore/upload_file/a/more", content=b"x")
    assert (refused.status_code, refused.text) == (
        413,
        "24 files are uploaded in this session already. Remove one first.",
    )
    assert browser.put("/_stcore/upload_file/a/0", content=b"again").status_code == 200
    assert browser.put("/_stcore/upload_file/b/0", content=b"x").status_code == 200
    browser.delete("/_stcore/upload_file/a/0")
    assert browser.put("/_stcore/upload_file/a/more", content=b"x").status_code == 200


def test_the_bytes_of_a_session_and_of_all_sessions_are_bounded() -> None:
    active = {f"s{number}" for number in range(20)}
    held = HeldUploads(active.__contains__)
    assert "more than 60 MB" in (held.refusal("s0", "f", SESSION_BYTES + 1) or "")
    for number in range(ALL_BYTES // SESSION_BYTES):
        assert held.refusal(f"s{number}", "f", SESSION_BYTES) is None
        held.add(f"s{number}", "f", SESSION_BYTES)
    assert "too many uploads" in (held.refusal("s19", "f", 1) or "")
    active.discard("s0")  # the session has ended
    assert held.refusal("s19", "f", 1) is None


def test_an_upload_without_a_length_is_refused(browser: TestClient) -> None:
    refused = browser.put("/_stcore/upload_file/a/0", content=iter([b"x"]))
    assert refused.status_code == 411


def test_a_message_that_is_too_long_closes_the_connection(browser: TestClient) -> None:
    with browser.websocket_connect("/_stcore/stream") as socket:
        socket.send_bytes(b"x" * MESSAGE_BYTES)
        assert socket.receive_text() == str(MESSAGE_BYTES)
        socket.send_bytes(b"x" * (MESSAGE_BYTES + 1))
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 1009
