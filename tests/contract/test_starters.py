"""The policies to start from: every goal in every sector is usable, is what the command writes, and does what its words promise."""

import json
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream_app.cli import policies
from stream_app.codec.policy import TEMPLATE, read_policy
from stream_app.codec.policy.starters import GOALS, SECTORS, write_policy
from stream_app.codec.times import format_time
from stream_app.replay.run import replay
from tests.agreement.product import PROGRAM
from tests.builders import at

END = 300
CHOICES = list(product(GOALS, SECTORS))
EACH = pytest.mark.parametrize(("goal", "sector"), CHOICES, ids=[f"{goal}-{sector}" for goal, sector in CHOICES])


def test_the_command_offers_every_goal_and_sector() -> None:
    assert [*map(str, policies.Goal)] == [goal for goal in GOALS if goal is not None]
    assert [*map(str, policies.Sector)] == [sector for sector in SECTORS if sector is not None]
    assert len(CHOICES) == 20, "twelve, one option alone, and neither"


@EACH
def test_the_command_writes_a_usable_policy_comments_included(goal: str | None, sector: str | None, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    policies.init(file, None if goal is None else policies.Goal(goal), None if sector is None else policies.Sector(sector))
    text = file.read_text()
    assert text == write_policy(goal, sector)
    document, compiled = read_policy(text.encode(), "p.yaml")
    assert "$" not in text, "a hole that no part fills"
    assert max(map(len, text.splitlines())) <= 140
    for said in ([f"# Goal {goal}: "] if goal else []) + ([f"# Sector {sector}: ", "by your own repeat purchase rate"] if sector else []):
        assert said in text
    plain = yaml.safe_load(TEMPLATE)
    assert list(yaml.safe_load(text)) == list(plain), "every section that the template explains"
    assert set(compiled.rhythms) == set(document.product_groups), "each group has a rhythm of its own"


def test_without_options_it_is_the_template() -> None:
    assert write_policy() == TEMPLATE
    assert len({write_policy(goal, sector) for goal, sector in CHOICES}) == len(CHOICES)


def sections(goal: str | None, sector: str | None) -> dict[str, Any]:
    found = yaml.safe_load(write_policy(goal, sector))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("goal", GOALS)
def test_the_sector_decides_how_people_buy(goal: str | None) -> None:
    days = {sector: min(one.get("prior_days", 999) for one in sections(goal, sector)["rhythm"].values()) for sector in SECTORS if sector}
    assert days["grocery"] < days["wine"] == 7 < days["b2b-wholesale"] == 14 < days["shoes"]
    shoes = sections(goal, "shoes")["rhythm"]["shoes"]
    assert (shoes["prior_days"], shoes["min_days"]) == (182, 400), "who comes once a year is not lost"
    assert sections(goal, "b2b-wholesale")["contact"]["A"]["channels"]["visit"]["max_contacts"] == 1
    if goal is None:
        return
    general = sections(goal, None)
    for sector in SECTORS:
        same = ("classes", "churn_risk", "downgrade_dwell_days", "service_levels")
        assert {name: sections(goal, sector)[name] for name in same} == {name: general[name] for name in same}


@pytest.mark.parametrize("sector", SECTORS)
def test_the_goal_decides_what_counts(sector: str | None) -> None:
    found = {goal: sections(goal, sector) for goal in GOALS if goal}
    heaviest = {goal: [one["measure"] for one in policy["criteria"] if one["weight"] >= 3] for goal, policy in found.items()}
    assert heaviest == {
        "highest-value": ["value_total", "value_now"],
        "lowest-risk": ["recency_days", "occasions"],
        "growth": ["product_groups", "referrals"],
    }
    exits = {goal: [rule for rule in policy["segments"] if rule["name"] == "exit"] for goal, policy in found.items()}
    assert exits["lowest-risk"] == []
    ((strict,), (patient,)) = exits["highest-value"], exits["growth"]
    assert patient["min_age_days"] == 2 * strict["min_age_days"]
    assert patient["exit_dwell_days"] == 3 * strict["exit_dwell_days"]
    assert found["lowest-risk"]["churn_risk"]["high_pct"] < found["highest-value"]["churn_risk"]["high_pct"]
    assert found["growth"]["contact"]["A"]["budget_pct"] > found["highest-value"]["contact"]["A"]["budget_pct"]


def happened(who: str, day: float, kind: str, **data: object) -> str:
    about = {"specversion": "1.0", "id": f"{who}-{kind}-{day}", "source": "/shops/acme", "type": kind, "subject": who}
    return json.dumps({**about, "time": format_time(at(day)), "data": data})


def order(who: str, day: float, total: int, *categories: str) -> str:
    share, rest = divmod(total, len(categories))
    lines = [
        {"sku": category, "category": category, "quantity": 1, "total_minor": share + (rest if not place else 0)}
        for place, category in enumerate(categories)
    ]
    return happened(who, day, "order.placed", order_id=f"{who}-{day}", currency="EUR", total_minor=total, lines=lines)


def haggle(who: str) -> list[str]:
    """Two small orders, four long phone calls, and never again."""
    calls = [happened(who, 151 + day, "contact.made", channel="phone", direction="inbound") for day in range(4)]
    return [order(who, 150, 1_000, "red wine"), order(who, 160, 1_000, "red wine"), *calls]


HISTORY = [
    *(order("merchant", day, 40_000, "red wine") for day in range(0, 241, 30)),  # large and monthly, and now two months silent
    *(order("faithful", day, 800, "white wine") for day in range(0, 295, 7)),  # a cheap bottle every week
    order("newcomer", 290, 3_000, "champagne", "whisky", "cheese"),  # one order, of three product groups
    *haggle("haggler"),
    *haggle("guide"),  # haggles as much, and has brought the friend
    happened("guide", 155, "referral.made", referred_customer_id="friend"),
    order("friend", 200, 2_000, "red wine"),
]
PROMISES: list[tuple[str, str, tuple[str | None, str | None, str | None]]] = [
    # the goal, the customer, and his class, segment and service level on day 300
    ("highest-value", "merchant", ("A", "valuable and slipping away", "premium")),
    ("highest-value", "faithful", ("C", None, "basic")),
    ("highest-value", "newcomer", ("C", None, "basic")),
    ("highest-value", "haggler", ("C", "exit", "exit")),
    ("highest-value", "guide", ("C", "costs more than he yields", "basic")),  # kept: who brings others in is not let go
    ("lowest-risk", "merchant", ("C", "slipping away", "premium")),
    ("lowest-risk", "faithful", ("A", "steady", "premium")),
    ("lowest-risk", "newcomer", ("B", "not yet a habit", "standard")),
    ("lowest-risk", "haggler", ("C", "lost", "basic")),  # nobody is let go
    ("lowest-risk", "guide", ("C", "lost", "basic")),
    ("growth", "merchant", ("C", None, "basic")),
    ("growth", "faithful", ("C", "room to grow", "basic")),
    ("growth", "newcomer", ("B", "promising", "premium")),
    ("growth", "haggler", ("C", None, "basic")),  # too young to be let go
    ("growth", "guide", ("B", "ambassador", "premium")),
]


@pytest.fixture(scope="module")
def statuses(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, str | None]]:
    """By goal and customer: every dimension at the end of the history."""
    folder = tmp_path_factory.mktemp("goals")
    (folder / "events.jsonl").write_text("\n".join(HISTORY) + "\n")
    found: dict[tuple[str, str], dict[str, str | None]] = {}
    for goal in filter(None, GOALS):
        policy, out = folder / f"{goal}.yaml", folder / f"{goal}.jsonl"
        policy.write_text(write_policy(goal, "wine"))
        counts = replay([folder / "events.jsonl"], policy, out, at(END))
        assert (counts["dead_letters"], counts["customers"]) == (0, 6)
        for line in map(json.loads, out.read_text().splitlines()):
            if line["event"]["type"] == "status.changed":
                changed = line["event"]["data"]
                found.setdefault((goal, line["event"]["subject"]), {})[changed["dimension"]] = changed["to"]
    return found


@pytest.mark.parametrize(("goal", "customer", "promised"), PROMISES, ids=[f"{goal}-{customer}" for goal, customer, _ in PROMISES])
def test_the_goal_shows_in_the_same_history(
    goal: str, customer: str, promised: tuple[str | None, ...], statuses: dict[tuple[str, str], dict[str, str | None]]
) -> None:
    now = statuses[goal, customer]
    assert (now["class"], now.get("segment"), now["service_level"]) == promised


@pytest.mark.parametrize(
    ("goal", "sector"), [("highest value", "B2B wholesale"), ("Highest_Value", " b2b  wholesale"), ("highest-value", "b2b-wholesale")]
)
def test_goal_and_sector_may_be_written_as_people_write_them(goal: str, sector: str) -> None:
    done = subprocess.run([PROGRAM, "policy", "init", "--goal", goal, "--sector", sector], capture_output=True, text=True, check=False)
    assert done.stdout.rstrip() == write_policy("highest-value", "b2b-wholesale").rstrip(), done.stderr
