"""The view over a fleet: what became of each target, on one page, sealed over all heads."""
