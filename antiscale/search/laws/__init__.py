"""Laws of what search strategies return, one per file."""
