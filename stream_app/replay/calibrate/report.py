"""What calibrate found, as a page a shop owner can read."""

from typing import Any

from stream_app.replay.calibrate.frontier import find_row, watchful
from stream_app.replay.report.charts import Series, bars, lines
from stream_app.replay.report.page import code, heading, page, section, table, text

_METHODS = {"fixed": "fixed days", "own_rhythm": "own rhythm", "alive": "probability model"}


def write_report(found: dict[str, Any]) -> str:
    """HTML of what `calibrate` returned."""
    seen = found["observed"]
    lead = (
        f"{seen['customers']} customers, {seen['orders']} orders, {seen['from']} to {seen['to']} ({seen['days']} days), {seen['currency']}."
    )
    sections = [_group(name, group, found["false_alarms_pct"]) for name, group in found["product_groups"].items()]
    if found["policy"] is not None:
        sections.append(
            section("The policy", text("Check it, read it, publish it: stream-app policy publish FILE."), code(found["policy"]))
        )
    if seen["left_out"]:
        rows = sorted(seen["left_out"].items())
        sections.append(section("Left out", table("Lines that count for nothing", ["reason", "lines"], rows)))
    return page("How your customers buy", lead, sections)


def _group(name: str, group: dict[str, Any], false_alarms_pct: float) -> str:
    return section(
        "All products" if name == "default" else name,
        text(group["verdict"]["text"], is_warning=not group["verdict"]["enough"]),
        _purchases(group),
        _frontier(group, false_alarms_pct),
        _models(group),
        _hold_out(group["hold_out"]),
    )


def _purchases(group: dict[str, Any]) -> str:
    bought = group["purchases"]
    parts = [
        heading("How they buy"),
        text(
            f"{bought['repeat_rate_pct']} % of {bought['customers']} buyers came back; {bought['one_time_pct']} % bought once. "
            + _spell_regularity(bought["regularity"])
        ),
    ]
    if bought["gap_days"] is not None:
        gaps = bought["gap_days"]
        parts.append(table("Days between two purchases", [*gaps], [[*gaps.values()]]))
        series = Series("purchases", [(float(day), float(count)) for day, count in group["gap_histogram"]])
        parts.append(bars("Days between two purchases, and how often", "days between two purchases", "purchases", [series]))
    return "\n".join(parts)


def _spell_regularity(shape: float | None) -> str:
    if shape is None:
        return "Too few have bought three times to say how regularly they buy."
    word = "in bursts, less evenly than chance" if shape < 0.8 else "at random moments" if shape < 1.5 else "regularly"
    return f"They buy {word} (regularity {shape}; 1 is chance, 2 and more is regular)."


def _frontier(group: dict[str, Any], false_alarms_pct: float) -> str:
    rows = [row for row in group["frontier"] if row["alarms"]]
    shown = watchful(rows)
    series = []
    for method, words in _METHODS.items():
        own = sorted((row for row in shown if row["method"] == method), key=lambda row: row["lag_median_days"])
        notes = [f"{_spell_point(row)}: {row['false_alarm_pct']} % false, noticed after {row['lag_median_days']} days" for row in own]
        series.append(Series(words, [(row["lag_median_days"], row["false_alarm_pct"]) for row in own], notes))
    picked = find_row(rows, group["proposed"])
    said = (
        text(f"Proposed: {_spell_point(rows[picked])}. The shortest lag with at most {false_alarms_pct:g} % false alarms, else the fewest.")
        if picked >= 0
        else text("Nothing is proposed.")
    )
    columns = ["method", "setting", "turns to inactive", "bought again", "false alarms %", "median lag, days"]
    cells = [
        [_METHODS[row["method"]], _spell_setting(row), row["alarms"], row["reversed"], row["false_alarm_pct"], row["lag_median_days"]]
        for row in rows
    ]
    return "\n".join(
        [
            heading("When to call somebody lost: false alarms against lag"),
            text("Called early, many come back by themselves; called late, they are gone. Each point is one setting on your own history."),
            lines("False alarms against lag", "median days of silence until noticed", "false alarms, %", series),
            *([text(f"Only in the table, since they notice less than half of the losses: {len(rows) - len(shown)}.")] * (shown != rows)),
            said,
            table("Every setting that was tried", columns, cells, picked),
        ]
    )


def _spell_point(row: dict[str, Any]) -> str:
    return f"{_METHODS[row['method']]}, {_spell_setting(row)}"


def _spell_setting(row: dict[str, Any]) -> str:
    values = row["parameters"]
    if row["method"] == "fixed":
        return f"{values['days']} days"
    if row["method"] == "own_rhythm":
        return f"{values['factor_pct']} % of the usual gap"
    return f"chance of being a customer below {values['theta']}"


def _models(group: dict[str, Any]) -> str:
    names = {"mbg_nbd": "MBG/NBD", "bg_nbd": "BG/NBD", "gamma_gamma": "Gamma-Gamma"}
    rows = [
        [words, name, values[name], error]
        for kind, words in names.items()
        if (values := group[kind]) is not None
        for name, error in values["standard_errors"].items()
    ]
    if not rows:
        return ""
    told = text("Time in days, money in minor units. A standard error as large as its parameter means that the data do not settle it.")
    return "\n".join([heading("Models"), told, table("Maximum likelihood", ["model", "parameter", "value", "standard error"], rows)])


def _hold_out(held: dict[str, Any] | None) -> str:
    if held is None:
        return ""
    rows = held["by_repeats"]
    series = [
        Series(words, [(float(row["repeats"]), row[key]) for row in rows])
        for words, key in (("predicted", "predicted_mean"), ("actual", "actual_mean"))
    ]
    return "\n".join(
        [
            heading("Is the model any good?"),
            text(
                f"Fitted to the first {held['fitted_days']} days, it expects {held['predicted']} purchases in the next "
                f"{held['predicted_days']}; there were {held['actual']} ({_spell_error(held['error_pct'])})."
            ),
            bars(
                "Purchases after the fit, by purchases before",
                "repeat purchases before (the last bar: that many or more)",
                "mean purchases",
                series,
            ),
        ]
    )


def _spell_error(error_pct: float | None) -> str:
    return "no purchase to compare with" if error_pct is None else f"{error_pct:+} %"
