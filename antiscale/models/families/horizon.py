"""The shortest horizon that a family can be made for."""

from antiscale.core.errors import InputError


def require(family: str, horizon: int, least: int = 16) -> None:
    """Refuse a horizon below `least` tokens; `family` may name the parameters that demand it."""
    name, _, parameters = family.partition(" ")
    if horizon < least:
        raise InputError(
            f"the {name} family{parameters and f' {parameters}'} needs a horizon of at least "
            f"{least} tokens; got {horizon}"
        )
