"""Who looks at a page: a visitor, recognised by a cookie, who may have entered the teacher key.

The cookie holds a random value that no script can read (HttpOnly) and that is sent from pages of
this site only (SameSite). The store, pages and exports have only its digest, so nobody can become
another visitor by reading them. A reload and a second tab have the same cookie. Without the server
of `mtl_core.ui.shared.server` there is no cookie: each session is then a visitor of its own.
"""

import hashlib
import re
import secrets
from http.cookies import SimpleCookie

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mtl_core.engine.actor import Actor
from mtl_core.engine.lab import Lab, the_lab
from mtl_core.settings import is_loopback
from mtl_core.ui.shared.keys import Key

COOKIE = "freeze_lab_visitor"
_VALUE = re.compile(r"[0-9a-f]{32}")
_YEAR_SECONDS = 365 * 24 * 3600
_DIGITS = 32

_teachers: set[str] = set()
"""The visitors who entered the teacher key since the server started."""


def current_visitor() -> Actor:
    """The visitor of this session, as the actor of the lab's operations."""
    value = str(st.context.cookies.get(COOKIE, ""))
    if not _VALUE.fullmatch(value):
        value = st.session_state.setdefault(Key.VISITOR, secrets.token_hex(16))
    visitor = hashlib.sha256(value.encode()).hexdigest()[:_DIGITS]
    return Actor(
        visitor=visitor,
        may_change_all=visitor in _teachers,
        is_on_this_machine=_is_for_one_user(),
    )


def _is_for_one_user() -> bool:
    """Whether nobody else uses the dashboard: it has no teacher, and no other machine reaches it.

    A proxy in front of it may pass on other machines; then there is a teacher key.
    """
    is_local = is_loopback(st.get_option("server.address") or "")
    return is_local and the_lab().settings.teacher_key is None


def enter_teacher_key(lab: Lab, key: str) -> bool:
    """Make the visitor of this session the teacher if the key is right; whether it is."""
    is_right = lab.is_teacher_key(key)
    if is_right:
        _teachers.add(current_visitor().visitor or "")
    return is_right


def leave_as_teacher() -> None:
    """Make the visitor of this session an ordinary one again."""
    _teachers.discard(current_visitor().visitor or "")


class VisitorCookie:
    """Middleware that gives every browser without the cookie one, with the first page it loads."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request and add the cookie to a page's response if it is missing."""
        if scope["type"] != "http" or _has_cookie(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", _new_cookie(scope))
                    headers["cache-control"] = "no-store"  # a cache would give it to others
            await send(message)

        await self._app(scope, receive, send_with_cookie)


def _has_cookie(headers: Headers) -> bool:
    cookies = cookie_parser(headers.get("cookie", ""))
    return bool(_VALUE.fullmatch(cookies.get(COOKIE, "")))


def _new_cookie(scope: Scope) -> str:
    """The header's value. `Secure` only where the browser uses https: plain http would drop it."""
    proto = Headers(scope=scope).get("x-forwarded-proto", scope.get("scheme", "http"))
    cookie: SimpleCookie = SimpleCookie({COOKIE: secrets.token_hex(16)})
    morsel = cookie[COOKIE]
    morsel["path"], morsel["max-age"] = "/", _YEAR_SECONDS
    morsel["httponly"], morsel["samesite"] = True, "Lax"
    if proto.split(",")[0].strip() == "https":
        morsel["secure"] = True
    return morsel.OutputString()
