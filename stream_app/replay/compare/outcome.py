"""What a replay comes to: final statuses, moves, false alarms, win-back and costs. Read from its output, line by line."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from stream_app.codec.times import parse_time_ms
from stream_app.domain.calendar import DAY_MS

Customer = tuple[str, str]
"""A shop and a customer of it."""

Move = tuple[str, str | None, str | None]
"""Dimension, from, to."""


class Outcome:
    """One policy's replay. Money in minor units; `lags` in days of silence before each turn to inactive."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self.statuses: dict[Customer, dict[str, str | None]] = {}
        self.values: dict[Customer, int] = {}
        self.moves: Counter[Move] = Counter()
        self.months: dict[str, Counter[Move]] = {}
        self.reactions: Counter[str] = Counter()
        self.winback_budget_minor = 0
        self.contact_cost_minor = 0
        self.cost_to_serve_minor = 0
        self.lags: list[float] = []
        self.reversed = 0
        self.dead_letters = 0
        self._away: set[Customer] = set()

    def summary(self) -> dict[str, Any]:
        """The figures a shop weighs: {"customers", "changes", "alarms", "reversed", "false_alarm_pct", "lag_median_days", ...}."""
        alarms = len(self.lags)
        return {
            "customers": len(self.statuses),
            "changes": sum(self.moves.values()),
            "alarms": alarms,
            "reversed": self.reversed,
            "false_alarm_pct": round(100 * self.reversed / alarms, 1) if alarms else None,
            "lag_median_days": round(median(self.lags), 1) if alarms else None,
            "winback": {name: count for name, count in sorted(self.reactions.items()) if name.startswith("winback.")},
            "winback_budget_minor": self.winback_budget_minor,
            "contact_cost_minor": self.contact_cost_minor,
            "cost_to_serve_minor": self.cost_to_serve_minor,
            "contacts_advised": self.reactions["contact.advised"],
            "dead_letters": self.dead_letters,
        }

    def read(self, file: Path) -> None:
        """Take in the output of a replay."""
        for topic, event in read_output(file):
            if topic == "dead-letters":
                self.dead_letters += 1
            elif event["type"] == "status.changed":
                self._move(event)
            elif event["type"] == "customer.profile":
                self._settle(event)
            elif topic != "status-changes":
                self.reactions[event["type"]] += 1
                if event["type"] == "winback.opened":
                    self.winback_budget_minor += event["data"].get("budget_minor") or 0

    def _move(self, event: dict[str, Any]) -> None:
        data = event["data"]
        move = (data["dimension"], data["from"], data["to"])
        self.moves[move] += 1
        self.months.setdefault(self._month(data["effective_at"]), Counter())[move] += 1
        if data["dimension"] != "lifecycle":
            return
        who = name_customer(event)
        if data["from"] == "active" and data["to"] == "inactive":
            self._away.add(who)
            last = parse_time_ms(data["reason"]["measures"].get("last_order_at") or "")
            effective = parse_time_ms(data["effective_at"])
            assert effective is not None
            self.lags.append((effective - last) / DAY_MS if last is not None else 0.0)
        elif data["from"] == "inactive" and who in self._away:
            self._away.discard(who)
            self.reversed += data["to"] == "active"

    def _settle(self, event: dict[str, Any]) -> None:
        who, data = name_customer(event), event["data"]
        self.statuses[who] = data["statuses"]
        self.values[who] = data["measures"]["value_total"]
        self.contact_cost_minor += data["measures"]["contact_cost"]
        self.cost_to_serve_minor += data["measures"]["cost_to_serve"]

    def _month(self, instant: str) -> str:
        return datetime.fromisoformat(instant).astimezone(self._zone).strftime("%Y-%m")


def find_reasons(file: Path, wanted: Iterable[Customer]) -> dict[Customer, dict[str, dict[str, Any]]]:
    """The latest change of each dimension of some customers: its data, as published."""
    found: dict[Customer, dict[str, dict[str, Any]]] = {who: {} for who in wanted}
    for topic, event in read_output(file):
        if topic == "status-changes" and event["type"] == "status.changed" and (who := name_customer(event)) in found:
            found[who][event["data"]["dimension"]] = event["data"]
    return found


def read_output(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Topic and event of each line; of a dead letter nothing but its topic."""
    with file.open("rb") as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry["topic"], entry.get("event") or {}


def name_customer(event: dict[str, Any]) -> Customer:
    """Whose event it is."""
    return event["source"].removeprefix("/shops/"), event["subject"]
