"""The dashboard's server: `app.py` with security headers, the visitors' cookie, a check of the host
name and the JavaScript of its live charts.

`freeze-lab serve` and `make run` start it. `streamlit run app.py` shows the same pages without the
headers.
"""

import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import sleep
from types import FrameType

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime

from mtl_core.app_files import app_folder
from mtl_core.engine.lab import close_the_lab, the_lab
from mtl_core.engine.logs import configure_logs
from mtl_core.errors import FreezeLabError
from mtl_core.lessons.shipped_runs import import_shipped_at_start
from mtl_core.settings import ENDS_WITH_INPUT, Settings
from mtl_core.ui.shared.known_hosts import KnownHosts
from mtl_core.ui.shared.plotly_library import library_route
from mtl_core.ui.shared.preload import preload
from mtl_core.ui.shared.request_limits import RequestLimits
from mtl_core.ui.shared.visitor import VisitorCookie

_POLICY = {
    "default-src": "'self'",
    # Streamlit's front end and components build functions and load modules from blobs.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws: wss: blob: data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'self'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in _POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}

_GRACE_SECONDS = 2.0


class SecurityHeaders:
    """Adds HEADERS to every HTTP response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request and add HEADERS to its response."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


def is_active_session(session: str) -> bool:
    """Whether a browser is connected to this session, or was lately."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


def end_with_input() -> None:
    """End this process once its standard input ends: `serve`, which held the other end, was killed.

    Nothing is closed, as if this process had been killed too. The trainers exit by themselves, and
    the next server finds the runs that were cut off and resumes them.
    """

    def wait() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="input", daemon=True).start()


def close_on_sigterm() -> None:
    """Close the lab as soon as this process is terminated, and end it two seconds later.

    Uvicorn waits for every browser first, without end for one that does not read.
    """
    end_server = signal.getsignal(signal.SIGTERM)

    def end() -> None:
        close_the_lab()
        sleep(_GRACE_SECONDS)
        os._exit(0)

    def handle(number: int, frame: FrameType | None) -> None:
        threading.Thread(target=end, name="end", daemon=True).start()
        if callable(end_server):
            end_server(number, frame)

    signal.signal(signal.SIGTERM, handle)


if os.environ.get(ENDS_WITH_INPUT):
    end_with_input()
    if threading.current_thread() is threading.main_thread():  # others cannot handle signals
        close_on_sigterm()


def ready(_request: Request) -> JSONResponse:
    """Answer whether the dashboard can serve pages: its store is open and can be read."""
    try:
        lab = the_lab(on_open=import_shipped_at_start)
        return JSONResponse({"ready": True, "queue_is_paused": lab.store.is_paused()})
    except FreezeLabError as problem:
        return JSONResponse({"ready": False, "reason": str(problem)}, status_code=503)


@asynccontextmanager
async def while_serving(_app: st.App) -> AsyncIterator[None]:
    """Load what the pages need at the start, and close the lab before the server ends.

    On SIGTERM this process executes no exit functions.
    """
    preload()
    yield
    close_the_lab()


configure_logs()
app = st.App(
    app_folder() / "app.py",
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(KnownHosts, names=Settings.from_environment().hosts),
        Middleware(RequestLimits, is_active=is_active_session),
        Middleware(VisitorCookie),
    ],
    routes=[library_route(), Route("/ready", ready)],
    lifespan=while_serving,
)
