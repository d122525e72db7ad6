"""One attempt over a real connection: what is sent, and that a receiver can neither lead us astray nor keep us."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from stream_app.worker.webhooks.address import CheckedResolver, PrivateAddressError
from stream_app.worker.webhooks.endpoints import Endpoint
from stream_app.worker.webhooks.queue import Event
from stream_app.worker.webhooks.sender import Answer, Sender
from stream_app.worker.webhooks.signature import sign
from tests.unit.worker.test_webhook_endpoints import OTHER, SECRET

EVENT = Event(("status-changes", 0, 7), b"acme/c", "id-7", "status.changed", '{"name":"Zoë"}'.encode(), 0)


class Receiver:
    """An HTTP server that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((request.path, headers, await request.read()))
        match request.path:
            case "/moved":
                raise web.HTTPFound("/elsewhere")
            case "/busy":
                return web.Response(status=503, headers={"retry-after": "90"})
            case "/slow":
                await asyncio.sleep(5)
            case "/endless":
                response = web.StreamResponse()
                await response.prepare(request)
                while True:
                    await response.write(b"x" * 65_536)
        return web.Response(status=200, text="thanks", headers={"set-cookie": "a=b"})


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.port = runner.addresses[0][1]
    try:
        yield found
    finally:
        await runner.cleanup()


def endpoint(port: int, path: str, host: str = "127.0.0.1", **given: Any) -> Endpoint:
    url = f"http://{host}:{port}{path}"
    return Endpoint.model_validate({"name": "crm", "url": url, "secrets": [OTHER, SECRET], "allow_private": True, **given})


async def post(one: Endpoint, times: int = 1) -> Answer:
    async with Sender(one) as sender:
        for _ in range(times):
            answer = await sender.post(EVENT, 1_700_000_000.9)
        return answer


async def test_the_event_is_sent_as_it_was_published_signed_with_every_key_and_without_cookies() -> None:
    async with receiver() as found:
        one = endpoint(found.port, "/in")
        assert await post(one, times=2) == Answer(delivered=True, gone=False, endpoint_fault=True, reason="200")
    (_, headers, body), (_, again, _) = found.got
    assert body == EVENT.body
    assert headers["content-type"] == "application/cloudevents+json"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("id-7", "1700000000")
    assert headers["webhook-signature"] == sign(one.keys, "id-7", 1_700_000_000, body)
    assert headers["webhook-signature"].count("v1,") == 2
    assert "cookie" not in again


async def test_a_redirect_is_a_failure_and_not_followed() -> None:
    async with receiver() as found:
        answer = await post(endpoint(found.port, "/moved"))
    assert (answer.delivered, answer.reason, [path for path, *_ in found.got]) == (False, "302", ["/moved"])


async def test_it_asks_to_be_left_alone() -> None:
    async with receiver() as found:
        assert (await post(endpoint(found.port, "/busy"))).asked_ms == 90_000


async def test_a_slow_answer_is_a_failure_and_an_endless_one_is_cut_off() -> None:
    async with receiver() as found:
        assert (await post(endpoint(found.port, "/slow", timeout_s=0.2))).reason == "timeout"
        async with asyncio.timeout(5):
            assert (await post(endpoint(found.port, "/endless", timeout_s=60))).delivered


async def test_nobody_listens() -> None:
    answer = await post(endpoint(1, "/in"))
    assert (answer.delivered, answer.endpoint_fault, answer.reason) == (False, True, "ClientConnectorError")


class Names:
    """What a name server says, one answer a question; for names that end in .example alone."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        assert host.endswith(".example")
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answer.split()]


async def test_a_name_of_a_private_address_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as found:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", Names("127.0.0.1"))
        one = endpoint(found.port, "/in", "hooks.example").model_copy(update={"allow_private": False})
        answer = await post(one)
        assert (answer.delivered, answer.reason) == (False, "private address")
        assert found.got == [], "nothing was sent"
        assert (await post(endpoint(found.port, "/in", "hooks.example"))).delivered, "it would have been"


async def test_a_name_is_asked_for_once_and_only_its_public_addresses_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads to a public address when it is looked at and to ours a moment later is never asked a second time."""
    names = Names("93.184.215.14 10.0.0.1", "127.0.0.1")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", names)
    found = await CheckedResolver(allow_private=False).resolve("hooks.example", 443)
    assert [(one["host"], one["hostname"]) for one in found] == [("93.184.215.14", "hooks.example")]
    assert names.asked == 1
    with pytest.raises(PrivateAddressError):
        await CheckedResolver(allow_private=False).resolve("hooks.example", 443)
