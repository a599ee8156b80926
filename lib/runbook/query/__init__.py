"""Statements on the target: sending, timing, judging and showing them."""
