"""What the base policy may write: trace types, their probabilities and returns."""
