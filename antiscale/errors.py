"""The one error that means: what you passed in cannot be used, and here is what to do."""


class InputError(ValueError):
    """Bad input: the message says in one line what came, what is allowed and what to do.

    The command line prints the message alone and exits with status 2.
    """
