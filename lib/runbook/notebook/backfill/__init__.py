"""The backfill: batches, their pace, their throttle, their progress."""
