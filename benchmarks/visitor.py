"""A visitor without a browser: one Streamlit session over its websocket, and how long it waits.

A click is timed from its sending to the end of the script that answers it, every element
received. As a browser does, a visitor sends the values of its widgets with each click, names the
messages it holds so that they are not sent again, and runs again the parts of a page that ask for
it every two seconds. Drawing in the browser is not in these times.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ButtonGroup_pb2 import ButtonGroup
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

_PATIENCE_SECONDS = 60.0


class PageFailed(Exception):
    """The page showed an exception, or its script did not end in time."""


@dataclass
class Waits:
    """Seconds from a click to the end of its script, and the same of a page's own updates."""

    clicks: list[float] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)


class Visitor:
    """One session. Enter it to connect; `open` a page first, then `pick` among its choices."""

    def __init__(self, port: int) -> None:
        self._address = f"ws://localhost:{port}/_stcore/stream"
        self.waits = Waits()
        self.page = ""
        self._pages: dict[str, str] = {}  # title in lower case -> the hash it goes by
        self._query = ""
        self._groups: dict[str, ButtonGroup] = {}  # key -> pills or segments on the page
        self._picked: dict[str, str] = {}  # widget id -> the option picked
        self._held: set[str] = set()  # hashes of messages that need not come again
        self._problem: str | None = None
        self._script_ended = self._tick_ended = asyncio.Event()
        self._ticking: dict[str, asyncio.Task[None]] = {}

    async def __aenter__(self) -> Self:
        self._socket: ClientConnection = await connect(
            self._address, subprotocols=[Subprotocol("streamlit")], max_size=None, proxy=None
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in (*self._ticking.values(), self._reader):
            task.cancel()
        await self._socket.close()

    @property
    def query(self) -> str:
        """What the address of the page holds, as the page wrote it."""
        return self._query

    async def open(self, page: str, query: str = "") -> None:
        """Go to a page by its title in lower case; "" is where the address alone leads."""
        self.page, self._query = page, query
        self._picked, self._groups = {}, {}
        await self._click()

    def options(self, key: str) -> list[str]:
        """What the pills or segments of a widget key offer; none where the page has none."""
        group = self._groups.get(key)
        return [option.content for option in group.options] if group else []

    async def pick(self, key: str, option: str) -> None:
        """Click one of the pills or segments."""
        self._picked[self._groups[key].id] = option
        await self._click()

    async def _click(self) -> None:
        self._script_ended = asyncio.Event()
        began = monotonic()
        await self._socket.send(self._request())
        try:
            await asyncio.wait_for(self._script_ended.wait(), _PATIENCE_SECONDS)
        except TimeoutError:
            raise PageFailed(f"no answer in {_PATIENCE_SECONDS:g} s on '{self.page}'") from None
        if self._problem is not None:
            raise PageFailed(self._problem)
        self.waits.clicks.append(monotonic() - began)

    def _request(self, fragment: str = "") -> bytes:
        message = BackMsg()
        asked = message.rerun_script
        asked.query_string = self._query
        asked.page_script_hash = self._pages.get(self.page, "")
        asked.cached_message_hashes.extend(self._held)
        asked.fragment_id, asked.is_auto_rerun = fragment, bool(fragment)
        for identity, option in self._picked.items():
            state = asked.widget_states.widgets.add(id=identity)
            state.string_array_value.data.append(option)
        return bytes(message.SerializeToString())

    async def _read(self) -> None:
        try:
            async for received in self._socket:
                assert isinstance(received, bytes)
                self._take(ForwardMsg.FromString(received))
            self._problem = "the server closed the connection"
        except Exception as problem:
            self._problem = f"a message could not be read: {problem!r}"
        self._script_ended.set()

    def _take(self, message: ForwardMsg) -> None:
        if message.metadata.cacheable and message.hash:
            self._held.add(message.hash)
        kind = message.WhichOneof("type")
        if kind == "new_session" and not message.metadata.run.fragment_ids:
            self._stop_ticking()
        elif kind == "navigation":
            self._pages = {
                page.page_name.lower(): page.page_script_hash
                for page in message.navigation.app_pages
            }
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta":
            self._see(message.delta)
        elif kind == "auto_rerun":
            asked = message.auto_rerun
            self._ticking[asked.fragment_id] = asyncio.create_task(
                self._tick(asked.fragment_id, asked.interval)
            )
        elif kind == "script_finished":
            self._ended(message.script_finished)

    def _see(self, delta: Delta) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        if kind == "button_group":
            group = delta.new_element.button_group
            self._groups[group.id.rpartition("-")[2]] = group
        elif kind == "exception":
            shown = delta.new_element.exception
            self._problem = f"'{self.page}' shows {shown.type}: {shown.message}"

    def _ended(self, status: int) -> None:
        if status in (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR):
            self._script_ended.set()
        self._tick_ended.set()

    async def _tick(self, fragment: str, interval: float) -> None:
        """Run a part of the page again and again, as long as the page stands."""
        while True:
            await asyncio.sleep(interval)
            self._tick_ended = asyncio.Event()
            began = monotonic()
            await self._socket.send(self._request(fragment))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._tick_ended.wait(), _PATIENCE_SECONDS)
            self.waits.ticks.append(monotonic() - began)

    def _stop_ticking(self) -> None:
        for task in self._ticking.values():
            task.cancel()
        self._ticking.clear()
