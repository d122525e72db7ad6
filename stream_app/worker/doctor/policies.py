"""The published policies: each must compile, and there should be one for every shop."""

from typing import Any

from aiokafka.errors import KafkaError

from stream_app.errors import Failure, PolicyError
from stream_app.processor.policies import DEFAULT_KEY, PolicyBook
from stream_app.settings import Settings
from stream_app.worker.cluster import read_to_end
from stream_app.worker.doctor.findings import Finding
from stream_app.worker.policies import TOPIC

_FIX = "publish one with `stream-app policy publish FILE`"


async def check_policies(settings: Settings) -> list[Finding]:
    """One finding for each document that a worker cannot use, and one about what holds."""
    latest: dict[str, Any] = {}
    try:
        async for record in read_to_end(settings, TOPIC):
            latest[(record.key or b"").decode("utf-8", "replace")] = record
    except Failure as error:
        return [Finding("policies", "failed", str(error))]
    except KafkaError as error:
        return [Finding("policies", "failed", f"topic {settings.topic(TOPIC)} cannot be read ({type(error).__name__}): check the rights")]
    found, book, shops = [], PolicyBook(), []
    for key, record in sorted(latest.items()):
        try:
            book.put(key, record.timestamp, record.value)
        except PolicyError as error:
            reason = " ".join(str(error).split())
            found.append(Finding("policies", "failed", f"offset {record.offset}, {reason}: mend it, then {_FIX}"))
        else:
            shops += [key] if record.value is not None else []
    return [*found, _summary(shops)]


def _summary(shops: list[str]) -> Finding:
    own = len([shop for shop in shops if shop != DEFAULT_KEY])
    if DEFAULT_KEY in shops:
        return Finding("policies", "ok", f"a default policy, and {own} of single shops")
    if not own:
        return Finding("policies", "failed", f"no usable policy is published, so every event would be refused: {_FIX}")
    return Finding("policies", "ok", f"{own} policies of single shops and no default: events of other shops are refused as unknown_shop")
