"""W1 on other systems, each in an environment of its own.

Owns: a program and pinned requirements for each peer, and how their environments are made (prepare.py).
Called by: w1 (as processes); a program is started as BROKER INPUT OUTPUT GROUP FOLDER and runs until SIGTERM.
May import: the programs import their own system alone; prepare.py imports stream_app's broker and settings.
Start at: prepare.py, then faust_w1.py.
"""
