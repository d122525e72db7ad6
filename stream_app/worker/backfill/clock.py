"""The shop's policy while its history is loaded, and after: time is what the events say, and nobody is mailed.

Meanwhile `clock: events`, and a `live_since` that never comes. Afterwards `clock: wall`, and live since that moment: a worker that
is behind, or starts later, folds the history under that version, and must not mail anybody either.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from stream_app.codec.times import format_time, parse_time_ms
from stream_app.errors import Failure
from stream_app.settings import Settings
from stream_app.worker.backfill.progress import HEADER, Ends
from stream_app.worker.policy_topic import DEFAULT_SHOP, NEVER_LIVE, Published, in_force, read_versions, send_policy


class Mark(Struct):
    """What the header of a policy's record says about a backfill.

    Attributes:
        digest: of its files.
        phase: whether it begins or ends with this version.
        ends: where the inputs ended when it began.
        live_since: what the shop's own policy said, if it did.
    """

    digest: str
    phase: Literal["begin", "end"]
    ends: Ends = {}
    live_since: str | None = None


class Standing(Struct):
    """What the topic says of one backfill.

    Attributes:
        versions: everything in the topic.
        began_ms: when it began, None when it has not.
        ends: where the inputs ended then.
        done: shops for which it has ended.
    """

    versions: list[Published]
    began_ms: int | None
    ends: Ends
    done: set[str]


def mark_of(one: Published) -> Mark | None:
    """What a version's record says about a backfill."""
    for name, content in one.headers:
        if name == HEADER and content is not None:
            try:
                return msgspec.json.decode(content, type=Mark)
            except msgspec.MsgspecError:
                return None
    return None


async def look(settings: Settings, digest: str) -> Standing:
    """How the backfill of these files stands."""
    found = Standing(await read_versions(settings), None, {}, set())
    for one in found.versions:
        mark = mark_of(one)
        if mark is None or mark.digest != digest:
            continue
        if mark.phase == "end":
            found.done.add(one.shop)
        elif found.began_ms is None:
            found.began_ms, found.ends = one.recorded_ms, mark.ends
    return found


def base_of(versions: Sequence[Published], shop: str, digest: str) -> Published | None:
    """The policy to load a shop's history under, None when it is in force already.

    Raises:
        Failure: there is none, or the history of other files is under way.
    """
    now = in_force(versions, shop)
    mark = None if now is None else mark_of(now)
    if mark is not None and mark.phase == "begin":
        if mark.digest == digest:
            return None
        raise Failure(
            f"a backfill of other files of shop {shop} has not ended: publish those again, the same files in the same order, or end it "
            "with `stream-app policy publish FILE`"
        )
    found = now or in_force(versions, DEFAULT_SHOP)
    if found is None:
        raise Failure(f"no policy of shop {shop} is published: publish it with `stream-app policy publish FILE`")
    return found


async def begin(settings: Settings, shop: str, base: Published, versions: Sequence[Published], mark: Mark, at_ms: int) -> None:
    """Publish the version under which a shop's history is loaded."""
    mark.live_since = base.document.get("live_since")
    document = {**base.document, "shop": shop, "clock": "events", "live_since": NEVER_LIVE, "version": _next(versions, shop, base)}
    await send_policy(settings, shop, document, at_ms, [(HEADER, msgspec.json.encode(mark))])


async def end(settings: Settings, shop: str, digest: str, at_ms: int) -> None:
    """Publish the version that the shop lives under from now on."""
    versions = await read_versions(settings, shop)
    base = in_force(versions, shop)
    if base is None:
        raise Failure(f"the policy of shop {shop} was withdrawn while its history was loaded: publish it, then run this again")
    begun = [mark for one in versions if (mark := mark_of(one)) is not None and mark.digest == digest and mark.phase == "begin"]
    own_ms = max((parse_time_ms(mark.live_since or "") or 0 for mark in begun), default=0)
    changed = {"clock": "wall", "live_since": format_time(max(at_ms, own_ms)), "version": _next(versions, shop, base)}
    await send_policy(settings, shop, {**base.document, **changed}, at_ms, [(HEADER, msgspec.json.encode(Mark(digest, "end")))])


def _next(versions: Sequence[Published], shop: str, base: Published) -> int:
    known = [one.version for one in versions if one.shop == shop and one.version is not None]
    return max([*known, base.version or 0]) + 1
