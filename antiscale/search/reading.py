"""What the curves say, in a few words; and the screen of `antiscale search`."""

import math
from collections.abc import Mapping

from antiscale.core.numbers import number, setting
from antiscale.search.curves import SearchResult

# Differences of accuracy below this are rounding, and falls below this are not mentioned.
_ROUNDING = 1e-9
_FALL = 1e-4


def reading(found: SearchResult, names: Mapping[str, str] | None = None) -> str:
    """Say which strategy leads, from where on search passes the single trace, and what falls.

    Parameters
    ----------
    found
        The curves.
    names
        What to call the strategies; their own names if None.
    """
    config = found.config
    called = {name: (names or {}).get(name, name) for name in config.strategies}
    last = config.budgets[-1]
    ends = {name: found.curve(name)[-1] for name in config.strategies}
    best = max(ends, key=lambda name: ends[name])
    place = f"{last} tokens ({setting(last / config.horizon)} H)"
    sentences = [f"at {place} {called[best]} is right on {number(ends[best])} of the prompts"]
    singles = [name for name in config.strategies if name.partition("@")[0] == "single"]
    if singles:
        alone = max(singles, key=lambda name: ends[name])
        if alone != best:
            sentences[0] += f", {called[alone]} on {number(ends[alone])}"
        # By the first budget at which they are ahead; infinite: never.
        reached: dict[float, list[str]] = {}
        for name in config.strategies:
            if name not in singles:
                points = zip(config.budgets, found.curve(name), strict=True)
                ahead = (budget for budget, here in points if here > ends[alone] + _ROUNDING)
                reached.setdefault(next(ahead, math.inf), []).append(called[name])
        passed = [
            f"{f'from {budget} tokens' if budget < math.inf else 'never'} {', '.join(some)}"
            for budget, some in sorted(reached.items())
        ]
        if passed:
            sentences.append(
                f"right more often than {called[alone]} at any budget: {'; '.join(passed)}"
            )
    falls = []
    for name in config.strategies:
        curve = found.curve(name)
        if max(curve) > curve[-1] + _FALL:
            falls.append(f"{called[name]} after {config.budgets[curve.index(max(curve))]} tokens")
    if falls:
        sentences.append(f"turning down: {', '.join(falls)}")
    return ". ".join(text[0].upper() + text[1:] for text in sentences) + "."
