"""What all else stands on: errors, validation, numbers, randomness, folders."""
