"""What the tasks made: recorded, told apart from what others made since, dropped on the way back."""
