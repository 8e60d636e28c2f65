"""A client without a browser: one Streamlit session over its websocket, with response times.

A click is timed from the request to the end of the script, when every element has arrived. Like a
browser, the client sends the values of its widgets with each click, lists the messages it has
cached, and reruns the fragments of a page that update every two seconds. Rendering in the browser
is not included.
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
    """The page showed an exception, or its script did not finish in time."""


@dataclass
class Waits:
    """Response times in seconds: of clicks, and of a page's automatic updates."""

    clicks: list[float] = field(default_factory=list)
    ticks: list[float] = field(default_factory=list)


class Visitor:
    """One session. Enter the context to connect, `open` a page, then `pick` options."""

    def __init__(self, port: int) -> None:
        self._address = f"ws://localhost:{port}/_stcore/stream"
        self.waits = Waits()
        self.page = ""
        self._pages: dict[str, str] = {}  # title in lower case -> page hash
        self._query = ""
        self._groups: dict[str, ButtonGroup] = {}  # key -> pills or segments on the page
        self._picked: dict[str, str] = {}  # widget id -> the option picked
        self._held: set[str] = set()  # hashes of cached messages
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
        """The query string of the address, as the page last set it."""
        return self._query

    async def open(self, page: str, query: str = "") -> None:
        """Open a page by its title in lower case; "" opens the default page."""
        self.page, self._query = page, query
        self._picked, self._groups = {}, {}
        await self._click()

    def options(self, key: str) -> list[str]:
        """The options of the pills or segments with this key; empty if the page has none."""
        group = self._groups.get(key)
        return [option.content for option in group.options] if group else []

    async def pick(self, key: str, option: str) -> None:
        """Click one option of the pills or segments."""
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
        rerun = message.rerun_script
        rerun.query_string = self._query
        rerun.page_script_hash = self._pages.get(self.page, "")
        rerun.cached_message_hashes.extend(self._held)
        rerun.fragment_id, rerun.is_auto_rerun = fragment, bool(fragment)
        for identity, option in self._picked.items():
            state = rerun.widget_states.widgets.add(id=identity)
            state.string_array_value.data.append(option)
        return bytes(message.SerializeToString())

    async def _read(self) -> None:
        try:
            async for received in self._socket:
                assert isinstance(received, bytes)
                self._handle(ForwardMsg.FromString(received))
            self._problem = "the server closed the connection"
        except Exception as problem:
            self._problem = f"a message could not be read: {problem!r}"
        self._script_ended.set()

    def _handle(self, message: ForwardMsg) -> None:
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
            self._handle_delta(message.delta)
        elif kind == "auto_rerun":
            rerun = message.auto_rerun
            self._ticking[rerun.fragment_id] = asyncio.create_task(
                self._tick(rerun.fragment_id, rerun.interval)
            )
        elif kind == "script_finished":
            self._finish(message.script_finished)

    def _handle_delta(self, delta: Delta) -> None:
        if delta.WhichOneof("type") != "new_element":
            return
        kind = delta.new_element.WhichOneof("type")
        if kind == "button_group":
            group = delta.new_element.button_group
            self._groups[group.id.rpartition("-")[2]] = group
        elif kind == "exception":
            shown = delta.new_element.exception
            self._problem = f"'{self.page}' shows {shown.type}: {shown.message}"

    def _finish(self, status: int) -> None:
        if status in (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR):
            self._script_ended.set()
        self._tick_ended.set()

    async def _tick(self, fragment: str, interval: float) -> None:
        """Rerun a fragment at its interval until the task is cancelled."""
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
