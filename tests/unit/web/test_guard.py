"""Who may ask, how often and how much; and that nobody sees more than he should."""

import gzip
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from stream_app.errors import ConfigError
from stream_app.settings import load_settings
from stream_app.web.api.files import Files
from stream_app.web.api.guard import Rates
from stream_app.web.history.database import Database
from stream_app.web.serve import check_serving
from tests.unit.web.serving import api
from tests.unit.web.test_filling import lives

TOKEN = "a token of these tests".replace(" ", "-")


async def get(address: str, headers: dict[str, str] | None = None) -> tuple[int, Any, Any]:
    async with ClientSession(auto_decompress=False) as session, session.get(address, headers=headers or {}) as response:
        return response.status, response.headers, await response.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_beyond_this_machine_nothing_is_served_without_a_token(host: str) -> None:
    with pytest.raises(ConfigError, match="STREAM_APP_SERVE_TOKEN: missing"):
        check_serving(load_settings(serve_host=host))
    assert check_serving(load_settings(serve_host=host, serve_token=TOKEN)) == TOKEN


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_on_this_machine_none_is_needed(host: str) -> None:
    assert check_serving(load_settings(serve_host=host)) is None


@pytest.mark.parametrize("token", ["short", "with a space in the middle", "grüne-grüne-grüne-tinte"])
def test_a_token_that_cannot_be_sent_or_guessed_too_easily_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="SERVE_TOKEN"):
        check_serving(load_settings(serve_token=token))


async def test_a_token_is_asked_of_everything_that_tells_something(sqlite: Database) -> None:
    lives().into(sqlite)
    async with api(sqlite, token=TOKEN) as ask:
        for path in ("overview", "customers", "customer?id=b", "changes", "flows", "insights", "policy", "stream", "customer/events?id=b"):
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}):
                status, told, _ = await get(f"{ask.address}/api/v1/{path}", headers)
                assert (status, told["WWW-Authenticate"]) == (401, "Bearer")
        assert (await get(f"{ask.address}/api/v1/overview", {"Authorization": f"Bearer {TOKEN}"}))[0] == 200
        assert (await get(f"{ask.address}/api/v1/openapi.json"))[0] == 200
        assert (await get(f"{ask.address}/healthz"))[0] == 200
        assert (await get(f"{ask.address}/readyz"))[0] == 503


async def test_without_a_token_only_names_of_this_machine_are_answered(sqlite: Database) -> None:
    async with api(sqlite) as ask:
        for host, status in (
            ("127.0.0.1", 200),
            ("localhost:8080", 200),
            ("[::1]:80", 200),
            ("evil.example", 403),
            ("127.0.0.1.evil.example", 403),
        ):
            assert (await get(f"{ask.address}/api/v1/overview", {"Host": host}))[0] == status, host


async def test_every_answer_has_the_headers_and_errors_name_field_and_fix(sqlite: Database) -> None:
    lives().into(sqlite)
    async with api(sqlite) as ask:
        for path in ("overview", "nothing", "customers?limit=0"):
            _, headers, _ = await get(f"{ask.address}/api/v1/{path}")
            assert "script-src 'self'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Server"] == "stream-app"
        wrong = [
            ("customers", {"limit": "0"}, "limit"),
            ("customers", {"limit": "many"}, "limit"),
            ("customers", {"status": "lifecycle"}, "status"),
            ("customers", {"status": "mood:good"}, "status"),
            ("customers", {"after": "nonsense"}, "after"),
            ("customers", {"sort": "id"}, "sort"),
            ("customer", {}, "id"),
            ("customer", {"id": "a\u0000b"}, "id"),
            ("customer/status", {"id": "b", "at": "yesterday"}, "at"),
            ("flows", {"period": "year"}, "period"),
            ("changes", {"shop": "a b"}, "shop"),
        ]
        for path, parameters, field in wrong:
            told = await ask.get(path, 400, **parameters)
            assert told["field"] == field
            assert told["fix"]
        assert (await ask.get("customer", 404, shop="acme", id="nobody"))["field"] == "id"
        assert (await ask.get("customer", 404, shop="other", id="b"))["field"] == "shop"


async def test_a_body_that_is_too_large_or_no_json_is_refused(sqlite: Database) -> None:
    async with api(sqlite) as ask:
        address = f"{ask.address}/api/v1/events/preview"
        for body, kind, status in (
            (b"x" * (1 << 20) + b"x", "application/json", 413),
            (b"{", "application/json", 400),
            (b"[]", "application/json", 422),
            (b"{}", "text/plain", 415),
        ):
            async with ask.session.post(address, data=BytesIO(body), headers={"Content-Type": kind}) as response:
                assert response.status == status
                assert response.content_type == "application/problem+json"
        async with ask.session.delete(f"{ask.address}/api/v1/overview") as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET,HEAD")


def test_a_client_has_so_many_requests_a_second_and_twice_as_many_at_once() -> None:
    rates = Rates(10)
    assert [rates.take("a", 5.0) > 0 for _ in range(21)] == [False] * 20 + [True]
    assert rates.take("b", 5.0) == 0, "another client"
    assert rates.take("a", 5.05) > 0
    assert rates.take("a", 5.11) == 0, "a tenth of a second is one request"


async def test_too_many_requests_are_told_when_to_come_back(sqlite: Database) -> None:
    async with api(sqlite, per_second=1) as ask:
        found = [await get(f"{ask.address}/healthz") for _ in range(4)]
        assert [status for status, _, _ in found][:3] == [200, 200, 429]
        assert int(found[2][1]["Retry-After"]) >= 1


async def test_a_database_that_is_away_is_a_503_and_no_stack_trace(sqlite: Database) -> None:
    lives().into(sqlite)
    async with api(sqlite) as ask:
        with sqlite.writing() as connection:
            connection.exec_driver_sql("DROP TABLE customers")
        told = await ask.get("customers", 503)
        assert set(told) == {"type", "title", "status", "detail", "fix"}
        assert "customers" not in told["detail"]


async def test_files_are_compressed_cached_and_nothing_else_is_reached(sqlite: Database, tmp_path: Path) -> None:
    page = tmp_path / "page"
    (page / "js").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>" + "x" * 2_000)
    (page / "js" / "app.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    async with api(sqlite, files=Files(page)) as ask:
        status, headers, body = await get(f"{ask.address}/", {"Accept-Encoding": "gzip"})
        assert (status, headers["Content-Encoding"], headers["Content-Type"]) == (200, "gzip", "text/html; charset=utf-8")
        assert gzip.decompress(body).startswith(b"<!doctype html>")
        assert (await get(f"{ask.address}/", {"If-None-Match": headers["ETag"]}))[0] == 304
        assert (await get(f"{ask.address}/static/js/app.js"))[1]["Content-Type"] == "text/javascript; charset=utf-8"
        for path in ("../secret.txt", "..%2Fsecret.txt", "js/../../secret.txt", "%2Fetc%2Fpasswd", "nothing"):
            assert (await get(f"{ask.address}/static/{path}"))[0] == 404
