"""The one error that means: what you passed in cannot be used, and here is what to do."""

# A message is one line of at most so many characters, whatever came.
LONGEST = 300
_END = 100


class InputError(ValueError):
    """Bad input: the message says in one line what came, what is allowed and what to do.

    The command line prints the message alone and exits with status 2.
    """

    def __init__(self, message: str) -> None:
        line = " ".join(message.split())
        if len(line) > LONGEST:
            # The value given is in the middle; what is allowed and what to do, at the end.
            line = f"{line[: LONGEST - _END - 5]} ... {line[-_END:]}"
        super().__init__(line)
