"""What every other package uses: errors, validation, numbers, randomness, folders."""
