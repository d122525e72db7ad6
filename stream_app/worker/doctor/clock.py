"""The broker's clock against ours.

No answer of Kafka carries its time, but a transaction's beginning is noted by the coordinator's clock. So one is begun that holds
nothing but the promise to commit offsets, looked at, and aborted: no topic of anybody sees anything of it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.transaction import AddOffsetsToTxnRequest, EndTxnRequest, InitProducerIdRequest

from stream_app.settings import Settings
from stream_app.worker.doctor.findings import Finding, Status
from stream_app.worker.doctor.wire import ATTEMPTS, NOT_YET, RETRY_S, TRANSACTION, TransactionRequest, ask, coordinator

WARN_MS = 1_000
_TIMEOUT_MS = 10_000


async def check_clock(admin: AIOKafkaAdminClient, settings: Settings, clock: Callable[[], float] = time.time) -> Finding:
    """Compare the clocks; a broker that does not tell its time is no failure."""
    try:
        off_ms, error_ms = await _measure(admin, f"{settings.id}-doctor", settings.id, clock)
    except (KafkaError, NotImplementedError, TimeoutError) as error:
        return Finding("clock", "skipped", f"the broker does not tell its time ({type(error).__name__})")
    return judge(off_ms, error_ms, settings.session_timeout_ms)


def judge(off_ms: int, error_ms: int, tolerance_ms: int) -> Finding:
    """What a difference means: over a second is a warning, over the session's time-out a failure."""
    apart = f"{abs(off_ms) / 1000:.1f} s {'behind' if off_ms < 0 else 'ahead of'} ours"
    if abs(off_ms) - error_ms <= WARN_MS:
        return Finding("clock", "ok", f"the broker's clock and ours agree to {max(1, abs(off_ms) + error_ms)} ms")
    status: Status = "failed" if abs(off_ms) - error_ms > tolerance_ms else "warning"
    fix = "let NTP set both (events ahead of the wall clock are refused, and deadlines follow it)"
    return Finding("clock", status, f"the broker's clock is {apart}: {fix}")


async def _measure(admin: AIOKafkaAdminClient, transactional_id: str, group: str, clock: Callable[[], float]) -> tuple[int, int]:
    """How far the broker's clock is ahead of ours, and how wrong that can be, in milliseconds."""
    node = await coordinator(admin, transactional_id, TRANSACTION)
    started = await _retried(admin, node, InitProducerIdRequest(transactional_id, _TIMEOUT_MS))
    who = transactional_id, started.producer_id, started.producer_epoch
    before_ms = clock() * 1000
    await _retried(admin, node, AddOffsetsToTxnRequest(*who, group))
    after_ms = clock() * 1000
    try:
        described = await ask(admin, TransactionRequest(transactional_id), node)
        code, _, _, _, start_ms, *_ = described.states[0]
        if code:
            raise for_code(code)
    finally:
        await _retried(admin, node, EndTxnRequest(*who, False))
    middle_ms = (before_ms + after_ms) / 2
    return round(start_ms - middle_ms), round(after_ms - middle_ms) + 1


async def _retried(admin: AIOKafkaAdminClient, node: int, request: Any) -> Any:
    """The answer to a request that may have to wait for the end of an earlier transaction."""
    for _ in range(ATTEMPTS):
        answer = await ask(admin, request, node)
        if answer.error_code not in NOT_YET:
            break
        await asyncio.sleep(RETRY_S)
    if answer.error_code:
        raise for_code(answer.error_code)
    return answer
