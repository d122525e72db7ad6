"""The deterministic simulator: the real engine and processor, on a simulated broker, disk, group and clock.

A seed decides the input, every delay, and every fault: crashes between any two awaits, frozen and cut-off workers, rebalances,
errors before and after their effect, hanging transactions, compaction. `make sim SEED=n` plays one run again.

Owns: loop.py (time, processes); log.py, network.py, broker.py, group.py, clients.py (Kafka); disk.py, worker.py, member.py (a worker
around the real engine); history.py, faults.py, plan.py (what a seed decides); world.py, run.py (a run); replay.py, checks.py (what
should have come of it); planted.py (bugs that the invariants must see); seeds.py (many runs).
May import: stream_app, tests.oracle and tests.properties (for their histories).
Start at: run.py, then checks.py.
"""
