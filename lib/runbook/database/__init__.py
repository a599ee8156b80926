"""The target: how to reach it, how the demonstration server is kept, what the runbook remembers there."""
