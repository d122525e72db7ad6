"""`stream-app compare`: replay the same events under two policies, and put the outcomes side by side."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stream_app.codec.policy import load_policy_file
from stream_app.replay.compare.differ import differ, differing, most_affected
from stream_app.replay.compare.outcome import Customer, Outcome, find_reasons
from stream_app.replay.run import replay
from stream_app.story.words import reason_in_words

Tell = Callable[[str], None]


def compare(files: list[Path], policy_a: Path, policy_b: Path, until_ms: int | None = None, tell: Tell = lambda _: None) -> dict[str, Any]:
    """What would be different under B.

    Args:
        files: JSONL, one CloudEvent a line.
        policy_a: a policy file; the one in force, as a rule.
        policy_b: another one.
        until_ms: time ends here; default: the latest accepted event.
        tell: is given one line for each step.

    Returns:
        {"a", "b": figures of each (`Outcome.summary`), "difference": `differ`, "customers": the most affected, each {"shop", "customer",
        "value_total_minor": {"a", "b"}, "dimensions": [{"dimension", "a", "b", "a_since", "b_since", "a_reason", "b_reason"}]}}

    Raises:
        Failure: a file or a policy cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="stream-app-compare-") as folder:
        outputs = Path(folder) / "a.jsonl", Path(folder) / "b.jsonl"
        outcomes = []
        for name, policy, output in zip("ab", (policy_a, policy_b), outputs, strict=True):
            outcome = Outcome(load_policy_file(policy).calendar.name)
            tell(f"replaying under {name}, {policy}")
            replay(files, policy, output, until_ms)
            outcome.read(output)
            outcomes.append(outcome)
        a, b = outcomes
        chosen = most_affected(a, b)
        reasons = [find_reasons(output, chosen) for output in outputs]
    return {
        "a": a.summary(),
        "b": b.summary(),
        "difference": differ(a, b),
        "customers": [_describe(a, b, who, reasons[0][who], reasons[1][who]) for who in chosen],
    }


def _describe(a: Outcome, b: Outcome, who: Customer, why_a: dict[str, Any], why_b: dict[str, Any]) -> dict[str, Any]:
    return {
        "shop": who[0],
        "customer": who[1],
        "value_total_minor": {"a": a.values.get(who), "b": b.values.get(who)},
        "dimensions": [
            {
                "dimension": dimension,
                "a": a.statuses.get(who, {}).get(dimension),
                "b": b.statuses.get(who, {}).get(dimension),
                **_because("a", why_a.get(dimension)),
                **_because("b", why_b.get(dimension)),
            }
            for dimension in differing(a, b, who)
        ],
    }


def _because(side: str, change: dict[str, Any] | None) -> dict[str, Any]:
    if change is None:
        return {f"{side}_since": None, f"{side}_reason": None}
    return {f"{side}_since": change["effective_at"], f"{side}_reason": reason_in_words(change["reason"])}
