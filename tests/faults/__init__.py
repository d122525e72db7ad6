"""Every fault that the engine promises to survive, struck on a real Kafka: one file per kind, `names.py` lists them.

A test strikes (`struck.py`, `proxy.py`, `brokers.py`), asserts that it struck, lets workers go on as a supervisor would, and asks
the checker (`checker.py`) whether everything that was committed is what the replay says.
"""
