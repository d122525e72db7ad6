"""What lies between a client and the broker: requests that are slow, fail, and wait for a broker that is down.

A request takes effect at one moment, and is answered later; an error may strike before the effect or after it. What is under way
when its sender dies takes effect all the same.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from aiokafka.errors import ConcurrentTransactions, KafkaError, NotEnoughReplicasError, RequestTimedOutError

from tests.simulator.faults import Faults
from tests.simulator.loop import OWNER, WORLD, SimLoop

_RETRY_S = 0.005


class Network:
    """The way to the only broker."""

    def __init__(self, loop: SimLoop, rng: Random, faults: Faults, trace: Callable[[str], None]) -> None:
        self.loop = loop
        self.rng = rng
        self.faults = faults
        self.trace = trace
        self.is_up = True
        self.waiting: list[Callable[[], None]] = []

    def now_ms(self) -> int:
        """The wall clock."""
        return int((self.loop.epoch_s + self.loop.now) * 1000)

    def later(self, delay_s: float, work: Callable[..., None], *args: Any) -> None:
        """Do something that no process can prevent."""
        self.loop.call_later(delay_s, work, *args, context=WORLD)

    def latency_s(self) -> float:
        """How long one way takes."""
        return self.rng.uniform(0.0005, 0.008)

    def ask(self, what: str, effect: Callable[[], Any], on_answer: Callable[[], None] = lambda: None) -> asyncio.Future[Any]:
        """Send a request; the future is its answer, and `on_answer` is called when the sender has it."""
        kind = self.faults.strike(what)
        if kind != "none":
            owner = OWNER.get()
            self.trace(f"{owner.name if owner else '-'}: {what} meets {kind}")
        request = _Request(self, what, effect, kind, on_answer)
        self.later(self.faults.delay_s(what) if kind == "slow" else self.latency_s(), request.arrive)
        return request.answer

    def come_back(self) -> None:
        """The broker is up; clients try again."""
        self.is_up = True
        waiting, self.waiting = self.waiting, []
        for arrive in waiting:
            self.later(self.latency_s(), arrive)


class _Request:
    def __init__(self, network: Network, what: str, effect: Callable[[], Any], kind: str, on_answer: Callable[[], None]) -> None:
        self.answer: asyncio.Future[Any] = network.loop.create_future()
        self._network = network
        self._what = what
        self._effect = effect
        self._kind = kind
        self._on_answer = on_answer
        self._sender = OWNER.get()
        self._result: Any = None
        self._error: Exception | None = None

    def arrive(self) -> None:
        """The request is at the broker."""
        network = self._network
        if not network.is_up:
            network.waiting.append(self._again)
            return
        if self._kind == "before":
            self._error = self._failure()
        else:
            try:
                self._result = self._effect()
            except ConcurrentTransactions:
                network.later(_RETRY_S, self._again)
                return
            except KafkaError as error:
                self._error = error
            if self._kind == "after" and self._error is None:
                self._error = self._failure()
        network.later(network.faults.delay_s(self._what) if self._kind == "slow answer" else network.latency_s(), self._return)

    def _again(self) -> None:
        """The client tries again, if it still lives."""
        if self._sender is None or not self._sender.dead:
            self.arrive()

    def _return(self) -> None:
        network = self._network
        if not network.is_up and network.rng.random() < 0.5:
            network.waiting.append(self._return)  # lost with the broker: the client asks again when it is back
        elif not self.answer.done() and self._error is not None:
            self.answer.set_exception(self._error)
        elif not self.answer.done():
            self._on_answer()
            self.answer.set_result(self._result)

    def _failure(self) -> KafkaError:
        """An error that a client may be given by a broker that lives."""
        error: KafkaError = RequestTimedOutError() if self._network.rng.random() < 0.5 else NotEnoughReplicasError()
        return error
