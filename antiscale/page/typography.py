"""Plain-text formulas of the registry and of the reading, as HTML with Greek, roots and indices."""

import re

from markupsafe import Markup, escape

_GREEK = {
    "sigma": "σ", "rho": "ρ", "kappa": "κ", "eps": "ε", "eta": "η", "delta": "δ", "mu": "μ",
    "pi": "π", "Pi": "Π", "theta": "θ", "chi2": "χ²", "calR": "ℛ",
}  # fmt: skip
_WORD = re.compile(r"(?<![A-Za-z])(" + "|".join(_GREEK) + r")(?![A-Za-z0-9])")
# In order: later ones see what earlier ones left.
_SIGNS = (
    (re.compile(r"(?<![A-Za-z])sum(?=_| log| ρ)"), "∑"),
    (re.compile(r"(?<![A-Za-z])sqrt ?(?=\(|[A-Za-z])"), "√"),
    (re.compile(r"(?<![A-Za-z])int(?=_)"), "∫"),
    (re.compile(r"(?<![A-Za-z])ct(?=_)"), "c̃"),
    (re.compile(r"&lt;="), "≤"),
    (re.compile(r"&gt;="), "≥"),
    (re.compile(r"!="), "≠"),
    (re.compile(r" - |(?<=[0-9)R])-(?=[A-Za-z0-9(])"), " − "),
    (re.compile(r"(?<=\()-"), "−"),
    (re.compile(r"\^\(([^()]*)\)"), r"<sup>\1</sup>"),
    (re.compile(r"_\{([^{}]*)\}"), r"<sub>\1</sub>"),
    (re.compile(r"_([^\W_]+|\+)"), r"<sub>\1</sub>"),
    (re.compile(r"\^(-?[\w.]*\w)"), r"<sup>\1</sup>"),
    (re.compile(r"<sup>-"), "<sup>−"),
)

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def formula(text: str) -> Markup:
    """Return a statement of the registry as HTML: sigma_e sqrt(n) as σ<sub>e</sub> √(n)."""
    html = str(escape(text))
    html = _WORD.sub(lambda found: _GREEK[found[1]], html)
    for pattern, sign in _SIGNS:
        html = pattern.sub(sign, html)
    return Markup(html)


def digits(text: str) -> str:
    """Return a number as printed with a minus sign and a power of ten: 8.4e-05 as 8.4×10⁻⁵."""
    text = re.sub(
        r"(?<=\d)e([+-])0*(\d+)",
        lambda found: "×10" + (found[1] + found[2]).lstrip("+").translate(_RAISED),
        text,
    )
    return re.sub(r"(?<![\w.])-(?=[\d.])", "−", text)


def prose(text: str) -> Markup:
    """Return a sentence as HTML with its exponents raised; names of learners stay as they are."""
    html = str(escape(text))
    html = re.sub(r"\b(H|n|1/c)\^(-?[\d.]*\d)", r"<i>\1</i><sup>\2</sup>", html)
    html = digits(html.replace("<sup>-", "<sup>−").replace("calR", "ℛ"))
    html = re.sub(r"(?<![\w/])(H|n) = ", r"<i>\1</i>&nbsp;=&nbsp;", html)
    return Markup(html)
