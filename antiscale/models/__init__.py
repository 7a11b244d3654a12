"""What the base policy may write: trace types, their probabilities and returns."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["families"])
