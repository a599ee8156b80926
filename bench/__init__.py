"""Benchmarks: what the runbook costs, held against yardsticks measured in the same run.

`python -m bench [PART …]` interleaves its subjects, so that a drift of the machine meets all of them alike, and
reports medians, ratios and their spread. Absolute figures belong to one machine; the ratios are what counts.
"""
