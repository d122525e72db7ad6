"""The deterministic simulator: the real engine and processor, on a simulated broker, disk, group and clock.

A seed decides the input, every delay, and every fault: crashes between any two awaits, frozen and cut-off workers, rebalances,
errors before and after their effect, hanging transactions, compaction. `make sim SEED=n` plays one run again.

Owns: loop.py (time, processes), log.py, broker.py, group.py and clients.py (Kafka), disk.py, worker.py and member.py (a worker around the
real engine), history.py, faults.py and plan.py (what a seed decides), run.py, replay.py and checks.py (what should have come of it),
planted.py (bugs that each invariant must see), seeds.py (many runs).
May import: stream_app, tests.oracle and tests.properties (for their histories).
Start at: run.py, then checks.py.
"""
