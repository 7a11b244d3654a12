# From a base policy to the gap, in ten cells. Open it with:
#     pip install ".[tutorial]" && marimo edit experiments/tutorial.py

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="From a base policy to the gap")


@app.cell
def _():
    import marimo as mo
    import numpy as np
    from matplotlib.figure import Figure

    import antiscale as ac

    mo.md(
        """
        # From a base policy to the gap

        A language model writes traces: some right, some wrong, some short, some long. You may
        finetune it on an expert's traces (*cloning*, verifier-free, VF), or on its own traces with
        a verdict for each (*verification*, verifier-based, VB). This notebook walks from a base
        policy to the theorem that compares the two. Losses are in **tokens**: a trace that is right
        from token $T$ on returns $R = (H - T + 1)_+$ of the test-time budget $H$. Labels such as T4
        are those of paper_bounds.md.
        """
    )
    return Figure, ac, mo, np


@app.cell
def _(mo):
    budget = mo.ui.dropdown(
        {f"{2**k}": 2**k for k in range(6, 13)}, value="1024", label="budget $H$ (tokens)"
    )
    spread = mo.ui.slider(
        steps=[0.2, 0.4, 0.6, 0.8, 1.0], value=1.0, label="heterogeneity knob", show_value=True
    )
    radius = mo.ui.slider(
        steps=[0.05, 0.1, 0.25, 0.5, 1.0], value=0.25, label=r"radius $\kappa$", show_value=True
    )
    mo.vstack([mo.md("## Turn these, and every cell below follows"), budget, spread, radius])
    return budget, radius, spread


@app.cell
def _(ac, budget, mo, spread):
    model = ac.families.load_family("heterogeneous", horizon=budget.value, spread=spread.value)
    right = (model.pmf * model.correct).sum(-1)
    mean = ac.mean_return(model.pmf, model.returns)
    mo.md(
        f"""
        ## 1. A base policy

        The family `heterogeneous` has {model.prompts} prompts and {model.types} types of trace (a
        style and a length). Even styles are right on even prompts, odd ones on odd prompts. On the
        first prompt a trace is right with probability {right[0]:.3f}, and returns {mean[0]:.1f} of
        {model.horizon} tokens on average.
        """
    )
    return mean, model


@app.cell
def _(ac, mo, model, radius):
    sigma = ac.heterogeneity(model.pmf, model.returns)
    c_0 = ac.anticoncentration(model.pmf, model.returns, radius.value, horizon=model.horizon)
    mo.md(
        rf"""
        ## 2. The two premises

        **Heterogeneity** (T1): the spread of returns is $\sigma = {sigma[0]:.1f}$ tokens, a share
        of {sigma[0] / model.horizon:.3f} of the budget that stays the same when $H$ grows.
        **Anti-concentration** (T3): on every prompt a mass of at least {c_0.min():.3f} returns
        $J + \sigma\sqrt\kappa$ or more, so what is good is not rare.
        """
    )
    return (sigma,)


@app.cell
def _(ac, mean, mo, model, radius, sigma):
    best = ac.chi2_ball_optimum(model.pmf, model.returns, kappa=radius.value)
    gain = float(best.value[0]) - mean[0]
    mo.md(
        rf"""
        ## 3. The expert

        Whoever may move the policy by $\chi^2 \le \kappa = {radius.value}$ can gain {gain:.1f}
        tokens on the first prompt, to $V_\kappa = {float(best.value[0]):.1f}$ (T2, in closed form,
        with a certificate good to {abs(float(best.gap[0])):.0e} tokens), and never more than
        $\sigma\sqrt\kappa = {sigma[0] * radius.value**0.5:.1f}$.
        """
    )
    return (best,)


@app.cell
def _(ac, mo, model, radius):
    n = 32 * model.horizon
    must_lose = model.prompt_mass @ ac.bounds.vf_lower_over_ball(
        model.pmf, model.returns, n, prompt_mass=model.prompt_mass, kappa=radius.value
    )
    mo.md(
        f"""
        ## 4. What cloning must lose

        With $n = 32 H = {n}$ expert traces *every* verifier-free algorithm loses at least
        **{must_lose:.3g} tokens** to some expert of the ball, for a reward or its mirror (T4f): it
        is never told whether short or long, this style or that, is what pays.
        """
    )
    return must_lose, n


@app.cell
def _(ac, best, mo, model, n, np, radius):
    blocks = ac.rewards.load_class("styles", model).verified_blocks
    error = model.prompt_mass @ ac.bounds.unseen_mass(blocks, n, prompt_mass=model.prompt_mass)
    ratio = float(np.max(best.density_ratio))
    may_lose = float(
        ac.bounds.vb_upper(model.horizon, error, kappa=radius.value, max_ratio=ratio)
    )  # fmt: skip
    mo.md(
        f"""
        ## 5. What verification can lose

        One verdict settles a whole style. After $n$ verified traces the styles not yet seen have
        mass {error:.2g} (T6), and with density ratios up to $W = {ratio:.2f}$ the pessimistic
        learner loses at most **{may_lose:.3g} tokens** for this reward (T7).
        """
    )
    return (may_lose,)


@app.cell
def _(ac, may_lose, mo, must_lose):
    gap = float(ac.bounds.certified_gap(must_lose, may_lose))
    verdict = "verification certainly wins here" if gap > 0 else "not certain at this budget"
    mo.md(
        f"""
        ## 6. The gap, by bounds alone

        T4 minus T7 is {gap:+.3g} tokens: {verdict}. The sweep below asks more of the verifier: the
        worst over many rewards, as of cloning.
        """
    )
    return (gap,)


@app.cell
def _(ac, budget, mo, radius, spread):
    # Both learners run on drawn traces at H = 16, 32, ..., each with n = 32 H.
    found = ac.sweep(
        horizon=budget.value, kappa=radius.value, parameters={"spread": spread.value},
        repeats=50, rewards=20,
    )  # fmt: skip
    rows = found.frame
    table = rows[["horizon", "n", "vf_lower", "vf_mean", "vf_upper", "vb_mean", "vb_upper"]]
    mo.vstack([mo.md("## 7. The gap, measured"), table.round(3)])
    return (found, rows)


@app.cell
def _(Figure, found, mo, rows):
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    looks = {"vf": ("cloning (VF)", "#D55E00", "o"), "vb": ("verification (VB)", "#0072B2", "s")}
    for side, (label, color, marker) in looks.items():
        middle = rows[f"{side}_mean"]
        errors = [middle - rows[f"{side}_low"], rows[f"{side}_high"] - middle]
        axes.errorbar(
            rows["horizon"], middle, errors, marker=marker, color=color, capsize=2, label=label
        )
        axes.plot(
            rows["horizon"], rows[f"{side}_upper"], "--", color=color, label=f"{label}: at most"
        )
    floor = rows["vf_lower"]
    axes.plot(rows["horizon"], floor, ":", color="#D55E00", label="cloning, worst expert: at least")
    axes.set(xscale="log", yscale="log", xlabel="H (tokens), n = 32 H", ylabel="loss (tokens)")
    axes.set_xticks(rows["horizon"], [f"{horizon}" for horizon in rows["horizon"]])
    axes.minorticks_off()
    axes.legend(fontsize=8, frameon=False)
    exponents = {side: fit["estimate"] for side, fit in found.fit.items()}
    powers = {
        side: "no power of H" if power is None else f"$H^{{{round(power, 2) + 0:g}}}$"
        for side, power in exponents.items()
    }
    reading = mo.md(
        f"Cloning's loss goes as {powers['vf_slope']} (theory: $H^{{1/2}}$), verification's as "
        f"{powers['vb_slope']} (theory: $H^0$). Turn the knob at the top down: as the spread "
        "of returns shrinks, so does what cloning pays."
    )
    mo.vstack([figure, reading])
    return (exponents,)


if __name__ == "__main__":
    app.run()
