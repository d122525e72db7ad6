"""Is there enough history to say anything, and which policy it speaks for."""

import re
from typing import Any, Final

import yaml

from stream_app.codec.policy import PolicyDocument, read_policy, write_policy
from stream_app.replay.calibrate.fit import Fit

BUYERS_MIN: Final = 500
DAYS_MIN: Final = 180

_NO_POLICY_NAME: Final = "calibrated policy"


def judge_data(described: dict[str, Any], observed_days: int) -> dict[str, Any]:
    """{"enough", "missing": [text], "text"}: whether a model may be fitted, and how much is missing if not."""
    missing = []
    buyers = described["customers"]
    if buyers < BUYERS_MIN:
        missing.append(f"{BUYERS_MIN - buyers} more buyers ({buyers} of {BUYERS_MIN})")
    if observed_days < DAYS_MIN:
        missing.append(f"{DAYS_MIN - observed_days} more days ({observed_days} of {DAYS_MIN})")
    if not described["with_3_occasions"]:
        missing.append("customers who have bought three times (none has)")
    if missing:
        said = f"The data is too thin for a model: {', '.join(missing)} are missing."
    else:
        said = (
            f"Enough data: {buyers} buyers over {observed_days} days, {described['with_3_occasions']} of them with three purchases or more."
        )
    return {"enough": not missing, "missing": missing, "text": said}


def name_rhythm(row: dict[str, Any], spend: Fit | None, margin_share: float) -> dict[str, Any]:
    """A row of the frontier as a rhythm of the policy, with the model of a purchase's margin where there is one.

    The Gamma-Gamma model is of revenue; its margin is `margin_share` of it, which scales v and leaves p and q.
    """
    rhythm = {"method": row["method"], **row["parameters"]}
    if row["method"] == "alive" and spend is not None and margin_share > 0:
        values = spend.values
        rhythm["gamma_gamma"] = {name: float(f"{value:.6g}") for name, value in values.items()}
        rhythm["gamma_gamma"]["v"] = float(f"{values['v'] * margin_share:.6g}")
    return rhythm


def write_proposal(document: PolicyDocument | None, rhythms: dict[str, dict[str, Any]], currency: str) -> str:
    """The policy with `rhythms` in it: the shop's own, one version on; without one, the commented template in `currency`.

    Raises:
        PolicyError: never for rhythms of this room; the text is read back as a worker would.
    """
    if document is None:
        written = re.sub(r"(?m)^currency: \w+ ", f"currency: {currency} ", write_policy())
        for group, rhythm in rhythms.items():
            written = re.sub(rf"(?m)^  {re.escape(group)}: \{{method:.*$", lambda _, g=group, r=rhythm: f"  {g}: {_flow(r)}", written)  # type: ignore[misc]
    else:
        values = document.canonical()
        values["rhythm"] = {**values.get("rhythm", {}), **rhythms}
        values["version"] = document.version + 1
        written = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=140)
    read_policy(written.encode(), _NO_POLICY_NAME)
    return written


def _flow(rhythm: dict[str, Any]) -> str:
    return str(yaml.safe_dump(rhythm, sort_keys=False, default_flow_style=True, width=10_000)).strip()
