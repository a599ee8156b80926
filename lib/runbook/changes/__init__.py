"""What the tasks made: recorded, told apart from what others made since, dropped in a rollback."""
