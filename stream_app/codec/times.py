"""RFC 3339 instants <-> integer milliseconds since the epoch, UTC.

The hot path is a look-up of the date, and a clock with milliseconds that is read digit by digit. Of what is written otherwise the hour
and minute, the second, and the tail (fraction and offset) are looked up, too; what is not in a table yet is parsed once, strictly, and
then remembered.
"""

import re
from datetime import date
from typing import Final

DAY_MS: Final = 86_400_000
YEAR_1_MS, YEAR_10000_MS = -62_135_596_800_000, 253_402_300_800_000  # what `format_time` can write: from, and up to before
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_CYCLE_DAYS: Final = 146_097  # 400 Gregorian years
_REMEMBERED_MAX: Final = 50_000
_ZERO: Final = ord("0")
_NO_NUMBER: Final = 100

_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]")
_TAIL: Final = re.compile(r"(?:\.([0-9]+))?(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))")

_dates: Final[dict[str, int]] = {}
_minutes: Final = {f"{hour:02}:{minute:02}:": (hour * 60 + minute) * 60_000 for hour in range(24) for minute in range(60)}
_clock: Final = list(_minutes)
_second_texts: Final = [f"{second:02}." for second in range(60)]
_milli_texts: Final = [f"{milli:03}Z" for milli in range(1000)]
_seconds: Final = {f"{second:02}": second * 1000 for second in range(60)}
_tails: Final[dict[str, int]] = {"Z": 0, "z": 0}
_days: Final[dict[int, str]] = {}
_texts: Final[dict[int, str]] = {}
_TEXTS_MAX: Final = 256  # what is published of one customer names the same few times again and again


def parse_time_ms(text: str) -> int | None:
    """The instant that an RFC 3339 date-time names, floored to the millisecond; None when `text` is not one.

    An offset is required. A leap second (23:59:60 in UTC) is the first instant of the next day, as in POSIX time.
    """
    date_ms = _dates.get(text[:11])
    if date_ms is not None and len(text) == 24:
        clock_ms = _clock_ms(text)
        if clock_ms >= 0:
            return date_ms + clock_ms
    return _parse_slowly(text)


def _clock_ms(text: str) -> int:
    """Of a text with 24 characters what `hh:mm:ss.mmmZ` at its end says, as most senders write it; -1 when it is not that."""
    if text[13] != ":" or text[16] != ":" or text[19] != "." or text[23] != "Z":
        return -1
    hours, minutes, seconds, hundredths, millis = _two(text, 11), _two(text, 14), _two(text, 17), _two(text, 20), ord(text[22]) - _ZERO
    if hours > 23 or minutes > 59 or seconds > 59 or hundredths > 99 or millis < 0 or millis > 9:
        return -1
    return (hours * 60 + minutes) * 60_000 + seconds * 1000 + hundredths * 10 + millis


def _two(text: str, at: int) -> int:
    """The number that two digits say; one beyond all that two can say when they are none."""
    tens, ones = ord(text[at]) - _ZERO, ord(text[at + 1]) - _ZERO
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else _NO_NUMBER


def format_time(time_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, for years 1 to 9999: `2026-03-01T09:15:00.000Z`."""
    text = _texts.get(time_ms)
    if text is None:
        if len(_texts) >= _TEXTS_MAX:
            _texts.clear()
        text = _texts[time_ms] = _format(time_ms)
    return text


def _format(time_ms: int) -> str:
    day, rest = time_ms // DAY_MS, time_ms % DAY_MS
    head = _days.get(day)
    if head is None:
        if len(_days) >= _REMEMBERED_MAX:
            _days.clear()
        head = _days[day] = date.fromordinal(day + _EPOCH_ORDINAL).isoformat() + "T"
    rest_ms = rest % 60_000
    return f"{head}{_clock[rest // 60_000]}{_second_texts[rest_ms // 1000]}{_milli_texts[rest_ms % 1000]}"


def _parse_slowly(text: str) -> int | None:
    date_ms = _dates.get(text[:11])
    if date_ms is None:
        date_ms = _parse_date(text[:11])
    minute_ms = _minutes.get(text[11:17])
    tail_ms = _tails.get(text[19:])
    if tail_ms is None:
        tail_ms = _parse_tail(text[19:])
    if date_ms is None or minute_ms is None or tail_ms is None:
        return None
    second = text[17:19]
    second_ms = _seconds.get(second)
    if second_ms is not None:
        return date_ms + minute_ms + second_ms + tail_ms
    # A leap second has no millisecond of its own in Unix time; its fraction is floored away with it.
    leap_ms = date_ms + minute_ms + 60_000 + tail_ms - tail_ms % 1000
    return leap_ms if second == "60" and leap_ms % DAY_MS == 0 else None


def _parse_date(head: str) -> int | None:
    found = _DATE.fullmatch(head)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    try:
        # Python's years begin at 1; year 0 is a whole Gregorian cycle before year 400.
        ordinal = date(year or 400, month, day).toordinal() - (0 if year else _CYCLE_DAYS)
    except ValueError:
        return None
    if len(_dates) >= _REMEMBERED_MAX:
        _dates.clear()
    date_ms = _dates[head] = (ordinal - _EPOCH_ORDINAL) * DAY_MS
    return date_ms


def _parse_tail(tail: str) -> int | None:
    found = _TAIL.fullmatch(tail)
    if found is None:
        return None
    fraction, sign, hours, minutes = found.groups()
    millis = int(fraction[:3].ljust(3, "0")) if fraction else 0
    if sign:
        offset_ms = (int(hours) * 60 + int(minutes)) * 60_000
        millis += offset_ms if sign == "-" else -offset_ms
    if len(tail) <= len(".123+01:00"):
        if len(_tails) >= _REMEMBERED_MAX:
            _tails.clear()
        _tails[tail] = millis
    return millis
