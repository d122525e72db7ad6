"""What a partition knows, on this machine: states, timers, the marker, and how far into the changelog they reach.

Owns: the frame around a state, the marker's layout, the memory and the RocksDB store, and that nothing of an erased key stays.
Called by: engine.
May import: errors, telemetry; msgspec, rocksdict.
Start at: store.py (what a store is), then frame.py, rocks.py.
"""
