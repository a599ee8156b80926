"""What must be given before a task may change the target: approval and confirmation."""
