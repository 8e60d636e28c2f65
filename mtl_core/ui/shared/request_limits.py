"""Limits on what a browser may send: messages, and uploads that a session holds in memory.

Streamlit bounds each uploaded file, not their number, and keeps them until the session ends.
"""

import re
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

MESSAGE_BYTES = 1_000_000
SESSION_FILES, SESSION_BYTES = 24, 60_000_000
ALL_BYTES = 600_000_000

_UPLOAD = re.compile(r".*/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)")
_TOO_LARGE, _LENGTH_REQUIRED, _MESSAGE_TOO_BIG = 413, 411, 1009


@dataclass(slots=True)
class HeldUploads:
    """The bytes of the uploaded files by session and file. `is_active` tells whether a session
    still exists; the files of ended ones are forgotten."""

    is_active: Callable[[str], bool]
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)

    def refusal(self, session: str, file: str, size: int) -> str | None:
        """Why a file cannot be held in addition; None if it can."""
        self.sizes = {name: files for name, files in self.sizes.items() if self.is_active(name)}
        others = {name: each for name, each in self.sizes.get(session, {}).items() if name != file}
        total = sum(sum(files.values()) for files in self.sizes.values())
        if len(others) >= SESSION_FILES:
            return f"{SESSION_FILES} files are uploaded in this session already. Remove one first."
        if sum(others.values()) + size > SESSION_BYTES:
            return (
                f"The files of this session would have more than {SESSION_BYTES / 1e6:.0f} MB. "
                "Remove one first."
            )
        if total + size > ALL_BYTES:
            return "The dashboard holds too many uploads at the moment. Try again later."
        return None

    def add(self, session: str, file: str, size: int) -> None:
        """Record a file that was uploaded."""
        self.sizes.setdefault(session, {})[file] = size

    def remove(self, session: str, file: str) -> None:
        """Record that a file was removed."""
        self.sizes.get(session, {}).pop(file, None)


class RequestLimits:
    """Middleware that refuses what exceeds the limits, before it is read."""

    def __init__(self, app: ASGIApp, is_active: Callable[[str], bool]) -> None:
        self._app, self._held = app, HeldUploads(is_active)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or connection within the limits."""
        if scope["type"] == "websocket":
            await self._connection(scope, receive, send)
            return
        upload = _UPLOAD.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if upload is None or scope["method"] not in ("PUT", "DELETE"):
            await self._app(scope, receive, send)
            return
        session, file = upload["session"], upload["file"]
        if scope["method"] == "DELETE":
            self._held.remove(session, file)
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():
            answer = PlainTextResponse("A Content-Length is needed.", _LENGTH_REQUIRED)
            await answer(scope, receive, send)
        elif (reason := self._held.refusal(session, file, int(length))) is not None:
            await PlainTextResponse(reason, _TOO_LARGE)(scope, receive, send)
        else:
            self._held.add(session, file, int(length))
            await self._app(scope, receive, send)

    async def _connection(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the messages of a web socket; a longer one closes it."""

        async def receive_within_limit() -> Message:
            message = await receive()
            if _size(message) > MESSAGE_BYTES:
                await WebSocketClose(_MESSAGE_TOO_BIG)(scope, receive, send)
                return {"type": "websocket.disconnect", "code": _MESSAGE_TOO_BIG}
            return message

        await self._app(scope, receive_within_limit, send)


def _size(message: MutableMapping[str, object]) -> int:
    content = message.get("bytes") or message.get("text") or b""
    return len(content) if isinstance(content, bytes | str) else 0
