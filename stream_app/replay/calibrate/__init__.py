"""What a shop's own history says about its turn-over point: how people buy, what fits them, what each choice would have cost.

Owns: purchases.py (the history, as purchase occasions), describe.py (how people buy), likelihood.py and fit.py (MBG/NBD, BG/NBD and
Gamma-Gamma by maximum likelihood), holdout.py (predicted against actual), frontier.py (false alarms against lag), propose.py (the
verdict and the policy), report.py (the page).
Called by: cli.
May import: codec, domain, errors, replay.report; numpy, scipy.
Start at: run.py.
"""
