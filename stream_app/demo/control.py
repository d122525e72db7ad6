"""The control on the page: how fast the demo plays, and how far it is. Only the demo has this path."""

import json
from typing import Any, Final

import msgspec
from aiohttp import web
from msgspec import UNSET, Struct, UnsetType

from stream_app.codec.times import format_time
from stream_app.demo.pace import SPEEDS, Pace
from stream_app.web.api.problems import Problem

PATH: Final = "/api/v1/demo"


class Wish(Struct, forbid_unknown_fields=True):
    """What is asked for; what is not named stays."""

    speed: int | UnsetType | None = UNSET
    paused: bool | UnsetType = UNSET


class Control:
    """What the page shows of a demo that runs, and changes in it."""

    def __init__(self, pace: Pace, total: int) -> None:
        """`total` is how many events the data set has."""
        self.pace = pace
        self.published = 0
        self.is_done = False
        self._total = total

    def mount(self, app: web.Application) -> None:
        """Add the path to the application that serves the page."""
        app.router.add_get(PATH, self._tell)
        app.router.add_post(PATH, self._change)
        app.on_response_prepare.append(_sign)

    def progress(self, events: int, size: int) -> None:  # noqa: ARG002 - a callback of publishing
        """So many events are published."""
        self.published = events

    async def _tell(self, _request: web.Request) -> web.Response:
        return web.json_response(self._now())

    async def _change(self, request: web.Request) -> web.Response:
        try:
            wish = msgspec.json.decode(await request.read(), type=Wish)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Problem(422, "no wish for the demo", field="body", fix='send {"speed": 7} or {"paused": true}') from None
        if wish.speed is not UNSET:
            if wish.speed not in SPEEDS:
                raise Problem(422, "speed: not one of those there are", field="speed", fix=f"give one of {json.dumps(SPEEDS)}")
            self.pace.speed = wish.speed
        if wish.paused is not UNSET:
            self.pace.paused = wish.paused
        return web.json_response(self._now())

    def _now(self) -> dict[str, Any]:
        pace = self.pace
        return {
            "speed": pace.speed,
            "speeds": list(SPEEDS),
            "paused": pace.paused,
            "done": self.is_done,
            "at": None if pace.at_ms is None else format_time(pace.at_ms),
            "published": self.published,
            "total": self._total,
        }


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    """Say with the page's document that this is the demo: its scripts can read this header, and ask for the control only here."""
    if request.path == "/":
        response.headers["Server-Timing"] = "demo"
