"""Running the plan: the batch, its rollback, its status, its approval."""
