"""Commands: each reads its words, opens one shell, and prints what came of it.

Owns: the words of `stream-app`, what is printed, exit statuses (0 done, 1 a failure in one line, 2 wrong usage or setting).
Called by: __main__.
May import: everything below; heavy rooms inside the commands, so that `--help` is fast.
Start at: `app.py` (all commands), `show.py` (printing and exit statuses).
"""
