"""What learners lose: simulated, summed exactly, and on instances of rare types."""
