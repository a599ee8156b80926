"""Running the plan: the batch, its evidence, the comparison with expected results, the way back."""
