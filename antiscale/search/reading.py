"""What the curves say, in a few words; and the screen of `antiscale search`."""

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
        reached: dict[int, list[str]] = {}
        never = []
        for name in config.strategies:
            if name in singles:
                continue
            ahead = [
                budget
                for budget, here in zip(config.budgets, found.curve(name), strict=True)
                if here > ends[alone] + _ROUNDING
            ]
            if ahead:
                reached.setdefault(ahead[0], []).append(called[name])
            else:
                never.append(called[name])
        passed = [
            f"from {budget} tokens {', '.join(some)}" for budget, some in sorted(reached.items())
        ]
        if never:
            passed.append(f"never {', '.join(never)}")
        if passed:
            sentences.append(
                f"right more often than {called[alone]} at any budget: {'; '.join(passed)}"
            )
    falls = []
    for name in config.strategies:
        curve = found.curve(name)
        peak = max(curve)
        if peak > curve[-1] + _FALL:
            falls.append(f"{called[name]} after {config.budgets[curve.index(peak)]} tokens")
    if falls:
        sentences.append(f"turning down: {', '.join(falls)}")
    return ". ".join(text[0].upper() + text[1:] for text in sentences) + "."
