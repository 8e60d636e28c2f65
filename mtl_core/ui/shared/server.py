"""The dashboard's server: `app.py` with security headers, the visitors' cookie, a check of the host
name and the JavaScript of its live charts.

`freeze-lab serve` and `make run` start it. `streamlit run app.py` shows the same pages without the
headers.
"""

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mtl_core.app_files import app_folder
from mtl_core.settings import Settings
from mtl_core.ui.shared.known_hosts import KnownHosts
from mtl_core.ui.shared.plotly_library import library_route
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


app = st.App(
    app_folder() / "app.py",
    middleware=[
        Middleware(SecurityHeaders),
        Middleware(KnownHosts, names=Settings.from_environment().hosts),
        Middleware(VisitorCookie),
    ],
    routes=[library_route()],
)
