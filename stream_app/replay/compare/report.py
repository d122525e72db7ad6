"""Two policies side by side, as a page a shop owner can read."""

from typing import Any, Final

from stream_app.replay.report.charts import Series, lines
from stream_app.replay.report.page import Cell, heading, page, section, table, text

_FIGURES: Final = {
    "customers": "customers",
    "changes": "changes of status",
    "alarms": "turns to inactive",
    "reversed": "of which bought again",
    "false_alarm_pct": "false alarms, %",
    "lag_median_days": "median lag, days",
    "winback_budget_minor": "win-back budget offered",
    "contact_cost_minor": "contact cost in the window",
    "cost_to_serve_minor": "cost to serve in the window",
    "contacts_advised": "contact advice",
}


def write_report(found: dict[str, Any], name_a: str, name_b: str) -> str:
    """HTML of what `compare` returned; the policies are called by their names."""
    difference = found["difference"]
    lead = f"A is {name_a}, B is {name_b}. {difference['customers_affected']} of {found['a']['customers']} customers end up elsewhere."
    if difference["is_same"]:
        return page("Two policies", lead, [section("No difference", text("Every status, every moment and every cost is the same."))])
    return page(
        "Two policies",
        lead,
        [
            section("In figures", _figures(found)),
            section("Who ends up where", *(_crossing(name, rows) for name, rows in difference["transitions"].items())),
            section("When they move", _months(difference["months"])),
            section("Most affected", *(_customer(one) for one in found["customers"])),
        ],
    )


def _figures(found: dict[str, Any]) -> str:
    rows: list[list[Cell]] = [[words, found["a"][name], found["b"][name]] for name, words in _FIGURES.items()]
    kinds = sorted(found["a"]["winback"].keys() | found["b"]["winback"].keys())
    rows += [[kind, found["a"]["winback"].get(kind, 0), found["b"]["winback"].get(kind, 0)] for kind in kinds]
    return table("Money in minor units", ["", "A", "B"], rows)


def _crossing(dimension: str, rows: list[dict[str, Any]]) -> str:
    cells = [[row["a"] or "none", row["b"] or "none", row["customers"]] for row in rows]
    return heading(dimension) + table("Customers who end up elsewhere", ["under A", "under B", "customers"], cells)


def _months(rows: list[dict[str, Any]]) -> str:
    turns = [row for row in rows if (row["dimension"], row["from"], row["to"]) == ("lifecycle", "active", "inactive")]
    months = sorted({row["month"] for row in turns})
    by_month = {row["month"]: row for row in turns}
    series = [Series(side.upper(), [(float(i), float(by_month[month][side])) for i, month in enumerate(months)]) for side in "ab"]
    cells = [[row["month"], row["dimension"], row["from"] or "none", row["to"] or "none", row["a"], row["b"]] for row in rows]
    told = f"Months {months[0]} to {months[-1]} in which the two differ." if months else "The turns to inactive come in the same months."
    return "\n".join(
        [
            text(told),
            lines("Turns to inactive per month", "months that differ, in order", "turns to inactive", series),
            table("Moves per month that differ", ["month", "dimension", "from", "to", "A", "B"], cells),
        ]
    )


def _customer(one: dict[str, Any]) -> str:
    cells = [
        [row["dimension"], row["a"] or "none", row["a_reason"] or "", row["b"] or "none", row["b_reason"] or ""]
        for row in one["dimensions"]
    ]
    value = one["value_total_minor"]
    caption = f"Value {_spell(value['a'])} under A, {_spell(value['b'])} under B"
    return heading(f"{one['shop']}/{one['customer']}") + table(caption, ["dimension", "A", "because", "B", "because"], cells)


def _spell(value: int | None) -> str:
    return "unknown" if value is None else str(value)
