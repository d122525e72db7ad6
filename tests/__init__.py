"""Tests: one folder per kind; `oracle` is the independent second implementation."""
