"""What a rule has raised for one of a shop's customers, told once for each shop."""

from typing import Final

from stream_app.telemetry.logs import get_logger

_SHOPS_MAX: Final = 10_000
_log: Final = get_logger(__name__)
_told: Final[set[str]] = set()


def report_rule_error(shop_id: str, error: str) -> None:
    """One line in the life of a process for each shop, however many of its customers stand still; the metric counts them all."""
    if shop_id in _told or len(_told) >= _SHOPS_MAX:
        return
    _told.add(shop_id)
    _log.error(
        "a rule has raised",
        shop=shop_id,
        error=error,
        fix="the customers concerned keep their statuses; take the policy's latest change back, and report the place in the code",
    )


def reported() -> set[str]:
    """The shops that were told of."""
    return set(_told)


def forget() -> None:
    """Tell of every shop anew."""
    _told.clear()
