"""The checker: what workers have committed, on one side, and what `stream-app replay` says of the same events, on the other."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from stream_app.codec.times import format_time
from stream_app.domain.facts.state import DIMENSIONS, State, describe
from stream_app.settings import Settings
from tests.integration import product

MANY = 8
"""So many complaints are enough to see what is wrong."""


class Evidence(msgspec.Struct):
    """What one side says.

    Attributes:
        said: every published event, in order, by topic and customer.
        profiles: statuses and sequence of each customer's newest profile.
        states: statuses, sequence and facts of each customer in the end.
        letters: every dead letter, sorted.
    """

    said: product.Said
    profiles: dict[str, tuple[Any, ...]]
    states: dict[str, tuple[Any, ...]]
    letters: list[tuple[str, str | None]]


async def committed(settings: Settings) -> Evidence:
    """What is committed on Kafka: outputs, newest profiles, newest changelog records; all of it read_committed."""
    return Evidence(
        await product.committed(settings),
        {key: _of_profile(profile)[:2] for key, profile in (await product.profiles(settings)).items()},
        {key: _of_state(state) for key, state in (await product.states(settings)).items()},
        await product.dead_letters(settings),
    )


@cache
def replayed(files: tuple[Path, ...], policy: Path) -> Evidence:
    """What the replay says; remembered, because many faults strike the same history."""
    with TemporaryDirectory() as folder:
        said, profiles, letters = product.replayed(Path(folder), list(files), policy)
    final = {key: _of_profile(profile) for key, profile in profiles.items()}
    published = {key for topic, key in said if topic == "status-changes"}
    return Evidence(said, {key: final[key][:2] for key in published}, final, letters)


def complaints(worker: Evidence, replay: Evidence) -> list[str]:
    """Everything in which the worker's evidence is not the replay's; empty when nothing was lost, doubled, swapped or changed."""
    found = product.differences(worker.said, replay.said) + product.holes(worker.said)
    found += _differing("profile", worker.profiles, replay.profiles)
    found += _differing("state", worker.states, replay.states)
    if worker.letters != replay.letters:
        found.append(f"{len(worker.letters)} dead letters, and the replay has {len(replay.letters)}, or others")
    return found[:MANY]


async def check(settings: Settings, files: list[Path], policy: Path) -> list[str]:
    """The complaints about what is committed now."""
    return complaints(await committed(settings), replayed(tuple(files), policy))


def _differing(what: str, worker: dict[str, tuple[Any, ...]], replay: dict[str, tuple[Any, ...]]) -> list[str]:
    keys: Callable[..., list[str]] = sorted
    found = [f"{what}: only one side has {key}" for key in keys(set(worker) ^ set(replay))[:3]]
    both = [key for key in keys(set(worker) & set(replay)) if worker[key] != replay[key]]
    return found + [f"{what} of {key}: worker {worker[key]}, replay {replay[key]}" for key in both[:3]]


def _of_profile(profile: dict[str, Any]) -> tuple[Any, ...]:
    data = profile["data"]
    return {name: value for name, value in data["statuses"].items() if value is not None}, data["sequence"], data["facts"]


def _of_state(state: State) -> tuple[Any, ...]:
    statuses = {name: value for name, value in zip(DIMENSIONS, state.values, strict=True) if value is not None}
    return statuses, state.sequence, _dated(describe(state))


def _dated(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts with their times written as a profile writes them."""
    return {
        name: _dated(value) if isinstance(value, dict) else format_time(value) if name.endswith("_at") and value is not None else value
        for name, value in facts.items()
    }
