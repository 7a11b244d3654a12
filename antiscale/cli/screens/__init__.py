"""What a person reads in a terminal: one screen per command."""
