"""Reads what a worker's port shows."""

import urllib.error
import urllib.request


def page(port: int, path: str) -> tuple[int, str]:
    """Status and text of a page; (0, "") while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""
