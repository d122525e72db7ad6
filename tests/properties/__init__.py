"""Properties 1 to 6 of domain.md section 10, as hypothesis tests against the product.

Owns: stories.py (what histories look like), program.py (the replay in this process), memory.py (the engine's part of a unit
of work, without Kafka: batches, partitions, restarts), one test file per property.
May import: stream_app, tests.oracle (for its histories).
Start at: stories.py.
"""
