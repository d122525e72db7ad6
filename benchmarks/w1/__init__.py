"""W1, the workload that every system runs: count, sum and class per customer, a changelog, and every change of class published.

Owns: the orders and what must come of them (orders.py), the systems (systems.py, results.py), one run of one (trial.py).
Called by: measurements/w1.py.
May import: place, peers, product; stream_app's broker and settings.
Start at: orders.py, then trial.py.
"""
