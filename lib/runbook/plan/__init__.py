"""The plan: what runbook.toml and the notebooks say, before anything is executed."""
