"""RFC 3339 against the standard library, and the decisions where the two differ."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_app.codec.times import format_time, parse_time_ms

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@settings(deadline=None)
@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001 - the offset is drawn below
    st.integers(-(24 * 60 - 1), 24 * 60 - 1),
    st.text("0123456789", max_size=12),
    st.sampled_from("Tt"),
)
def test_agrees_with_datetime(moment: datetime, offset_minutes: int, fraction: str, letter: str) -> None:
    moment = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset_minutes)))
    text = moment.isoformat().replace("T", letter)
    text = f"{text[:19]}.{fraction}{text[19:]}" if fraction else text
    expected = (moment - EPOCH) // timedelta(milliseconds=1) + int((fraction + "000")[:3])
    for _ in range(2):  # once slowly, once from memory
        assert parse_time_ms(text) == expected
    if moment.year > 2:
        assert parse_time_ms(format_time(expected)) == expected
        assert format_time(expected) == (EPOCH + timedelta(milliseconds=expected)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("2026-03-01T10:15:00+01:00", 1_772_356_500_000),
        ("2026-03-01T09:15:00-00:00", 1_772_356_500_000),
        ("2026-03-01T09:15:00.1Z", 1_772_356_500_100),
        ("2026-03-01T09:15:00.0019999999999999999Z", 1_772_356_500_001),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31T23:59:60.999Z", 1_483_228_800_000),
        ("2017-01-01T00:59:60+01:00", 1_483_228_800_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_instants(text: str, time_ms: int) -> None:
    assert parse_time_ms(text) == time_ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-03-01",
        "2026-03-01T10:15:00",
        "2026-03-01T10:15Z",
        "2026-03-01 10:15:00Z",
        "20260301T101500Z",
        "2026-3-1T10:15:00Z",
        "2026-02-29T10:15:00Z",
        "2026-13-01T10:15:00Z",
        "2026-00-01T10:15:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T10:60:00Z",
        "2026-03-01T10:15:60Z",
        "2026-03-01T10:15:61Z",
        "2026-03-01T10:15:00.Z",
        "2026-03-01T10:15:00,5Z",
        "2026-03-01T10:15:00+0100",
        "2026-03-01T10:15:00+24:00",
        "2026-03-01T10:15:00+01:60",
        "2026-03-01T10:15:00+01",
        "2026-03-01T10:15:00 Z",
        "2026-03-01T10:15:00Z ",
        " 2026-03-01T10:15:00Z",
        "2026-03-01T10:15:00Z\n",
        "+2026-03-01T10:15:00Z",
        "12026-03-01T10:15:00Z",
        "2026-03-01T24:00:00.000Z",
        "2026-03-01T30:00:00.000Z",
        "2026-03-01T10:60:00.000Z",
        "2026-03-01T10:15:60.000Z",
        "2026-03-01T10:15:0/.000Z",
        "2026-03-01T10:15::0.000Z",
        "2026-03-01T10:15:00.00:Z",
        "2026-03-01T10:15:00.00/Z",
        "2026-03-01T10:15:00.0 0Z",
        "2026-03-01T10:15:00.00０Z",
        "2026-03-01T1０:15:00.000Z",
        "2026-03-01T10-15:00.000Z",
        "2026-03-01T10:15-00.000Z",
        "2026-03-01T10:15:00,000Z",
        "2026-03-01T10:15:00.000X",
        "２０２６-03-01T10:15:00Z",
        "2026-03-01T1０:15:00Z",
        "2026-03-01T+1:15:00Z",
        "now",
    ],
)
def test_what_is_no_instant(text: str) -> None:
    for _ in range(2):
        assert parse_time_ms(text) is None


@settings(deadline=None)
@given(st.integers(0, 86_399_999))
def test_every_clock_with_milliseconds(clock_ms: int) -> None:
    seconds, millis = divmod(clock_ms, 1000)
    text = f"2026-03-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{millis:03}Z"
    assert parse_time_ms(text) == parse_time_ms("2026-03-01T00:00:00Z") + clock_ms  # type: ignore[operator]


@settings(deadline=None)
@given(st.text("0123456789-:TtZz+. ", max_size=30))
def test_never_raises(text: str) -> None:
    parse_time_ms(text)
