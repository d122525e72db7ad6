"""The four shops of the soak, each with what it is there to show.

All of them tell one day, which is played in minutes; what differs is who moves their time:

- harbour, `clock: events`: everything that happens to one customer alone, in time order. Each of its changes must be the replay's.
- meadow, `clock: events`: also late events, records in wrong partitions, referrals and merges. Its final statuses must be the replay's.
- yard, `clock: wall`: its events are of yesterday, and patience ends after two days, so that the wall clock fires deadlines all the
  time of the run. Its policy is published anew, again and again, and sweeps reach the silent.
- booth, `clock: wall`: its policy is withdrawn and comes back; what comes meanwhile must be a dead letter.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from benchmarks.product.inputs import POLICY

EVENTS_SHOPS, WALL_SHOPS = ("harbour", "meadow"), ("yard", "booth")
SHOPS = EVENTS_SHOPS + WALL_SHOPS
WEIGHTS = (40, 30, 20, 10)
PATIENCE_DAYS = {"harbour": 30, "meadow": 20, "yard": 2, "booth": 2}


def policy_of(shop: str, version: int = 1) -> dict[str, Any]:
    """A shop's policy; later versions have other thresholds, and the same facts."""
    document: dict[str, Any] = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
    days = {"method": "fixed", "days": PATIENCE_DAYS[shop]}
    document |= {"shop": shop, "version": version, "clock": "events" if shop in EVENTS_SHOPS else "wall"}
    document["rhythm"] = {"default": days}
    document["horizons"] = {"pending_days": 1}
    if shop == "harbour":
        document["time_zone"] = "Europe/Amsterdam"
        document["rhythm"] = {"default": days, "wine": {**document["rhythm"]["default"], "days": 14}}
        return document
    document["time_zone"] = {"meadow": "America/New_York", "yard": "Asia/Tokyo", "booth": "UTC"}[shop]
    # What remembers how long something has been so may depend on the order of arrival (domain.md, section 10).
    document["downgrade_dwell_days"] = 0
    document["segments"] = [rule for rule in document["segments"] if rule["name"] != "exit"]
    document["service_levels"] = {"class": document["service_levels"]["class"]}
    document["classes"] = {"by": "score", "A": 70 - 6 * ((version - 1) % 3), "B": 40 + 5 * ((version - 1) % 3)}
    document["contact"]["default"]["max_contacts"] = 2 + (version - 1) % 2
    return document


def write_policy(folder: Path, shop: str, version: int = 1) -> Path:
    """The same as a file."""
    path = folder / f"{shop}-{version}.json"
    path.write_text(json.dumps(policy_of(shop, version)), encoding="utf-8")
    return path
