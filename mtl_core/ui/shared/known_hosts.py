"""Refuses requests that name a foreign host.

A page of another site can make its own host name point to this machine (DNS rebinding), and then
reach the dashboard as if it were part of that site. This needs a name, so addresses of numbers are
accepted, and of names only those that are known.
"""

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_POLICY_VIOLATION = 1008


def is_known_host(host: str, names: Collection[str]) -> bool:
    """Whether the value of a Host header is an IP address, `localhost` or one of `names`."""
    try:
        parts = urlsplit(f"//{host}")
        name, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not name or parts.netloc != host or "@" in host:
        return False
    name = name.rstrip(".")
    if name == "localhost" or name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class KnownHosts:
    """Middleware that answers 400 to a request whose Host header names a foreign host."""

    def __init__(self, app: ASGIApp, names: Collection[str] = ()) -> None:
        self._app, self._names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request if its host is known."""
        kinds = ("http", "websocket")
        if scope["type"] not in kinds or is_known_host(
            Headers(scope=scope).get("host", ""), self._names
        ):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = PlainTextResponse(
                "Unknown host name. Open the dashboard by its IP address, or add the name to "
                "FREEZE_LAB_HOSTS.",
                status_code=400,
            )
            await answer(scope, receive, send)
        else:
            await WebSocketClose(_POLICY_VIOLATION)(scope, receive, send)
