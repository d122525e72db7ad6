"""Very much to do at one moment is done in slices."""

import asyncio
import time
from pathlib import Path

from tests.unit.engine.test_partition import event, rig, until


async def test_a_pile_of_deadlines_is_cut_into_units_and_others_have_their_turns_meanwhile(tmp_path: Path) -> None:
    pile, turns = 12_000, 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with rig(tmp_path, unit_records_max=pile) as it:
        it.say("p-contacts")
        it.say("p-orders", *(event(number, patience=10) for number in range(pile)), of_many=True, lag=1)
        await until(lambda: len(it.producer.causes()) == pile)
        assert "silence" not in it.producer.causes(), "an order is unread"
        others = asyncio.create_task(take_turns())
        it.say("p-orders")
        it.runtime.tick(int(time.time() * 1000))
        await until(lambda: len(it.producer.causes()) == 2 * pile, limit_s=20)
        others.cancel()
        said = [[key for records in outputs.values() for key, _, _ in records] for _, outputs, _ in it.producer.units[1:]]
    assert max(map(len, said)) < pile, "an event that comes now must not wait for all of it"
    assert sorted(key for keys in said for key in keys if key) == sorted(f"shop/e{number}".encode() for number in range(pile))
    assert turns > pile / 50, "commits and fetches wait for each step of it"
