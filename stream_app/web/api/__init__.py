"""The read API: what is asked over HTTP, answered from the history database; and the page's files.

Owns: app.py (the application), guard.py (tokens, rates, sizes, headers, errors), problems.py, routes.py (which path is what),
parameters.py, answers.py and tried.py (the shapes, from which openapi.py writes the document), customers.py, shops.py and trial.py
(the answers), stream.py (changes as they come), files.py (the page), context.py (what the answers need).
Called by: web.
May import: feed, processor, codec, domain, errors; aiohttp, pydantic.
Start at: routes.py.
"""
