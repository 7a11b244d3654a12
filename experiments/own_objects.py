# Your own policy and your own learner on a grid, in eight cells. Open it with:
#     pip install ".[tutorial]" && marimo edit experiments/own_objects.py

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Your own policy and learner")


@app.cell
def _():
    import marimo as mo
    import pandas as pd

    import antiscale as ac

    mo.md(
        """
        # Your own policy and learner

        `ac.sweep` takes Python objects wherever it takes names. Here a base policy comes from a
        table, a learner from a class of a few lines, and both go through a grid of points beside
        what is built in. Losses are in **tokens**.
        """
    )
    return ac, mo, pd


@app.cell
def _(mo, pd):
    # One row for each type of trace; a trace that is never right has solved = 0.
    columns = ["prompt", "style", "length", "probability", "solved"]
    policy = pd.DataFrame(
        [
            ("easy", "direct", 4, 0.45, 1), ("easy", "direct", 7, 0.20, 1),
            ("easy", "search", 20, 0.25, 1), ("easy", "search", 30, 0.10, 0),
            ("hard", "direct", 8, 0.50, 0), ("hard", "direct", 12, 0.15, 1),
            ("hard", "search", 24, 0.20, 1), ("hard", "search", 40, 0.15, 0),
        ],
        columns=columns,
    )  # fmt: skip
    mo.vstack([mo.md("## 1. A base policy, as a table"), policy])
    return (policy,)


@app.cell
def _(mo):
    class Cautious:
        """Clones, but keeps a share of the base policy."""

        side = "vf"

        def __init__(self, share):
            self.share, self.name = share, f"cautious_{share:g}"

        def __call__(self, data, setting):
            n = data.counts.sum(-1, keepdims=True)
            base = setting.pmf
            cloned = (data.counts + (n == 0) * base) / (n + (n == 0))
            return (1.0 - self.share) * cloned + self.share * base

    mo.md(
        """
        ## 2. A learner

        A class with a `side` ("vf" sees the expert's traces, "vb" labelled traces of the base
        policy) and a call from data to policies. `data.counts` holds how often each type was drawn
        for each replicate and prompt, `setting.pmf` the base policy.
        """
    )
    return (Cautious,)


@app.cell
def _(Cautious, ac, mo, policy):
    one = ac.sweep(
        model=policy, learner=["sft", Cautious(0.5), "simple"], horizon=64, n="4 H",
        kappa=0.25, repeats=50,
    )  # fmt: skip
    mo.vstack([mo.md(f"## 3. One point\n\n{one.reading}"), one.table()])
    return (one,)


@app.cell
def _(Cautious, ac, mo, policy):
    grid = ac.sweep(
        model=[policy, ac.families.family("heterogeneous"), ac.families.family("homogeneous")],
        kappa=[0.05, 0.25, 1.0],
        learner=["sft", Cautious(0.5), "simple"],
        horizon=64,
        n="4 H",
        repeats=50,
    )
    mo.md(
        f"""
        ## 4. A grid

        A list is an axis: {len(grid.axes)} points, three learners at each. With `out="folder"` it
        is kept and goes on where it was stopped; `jobs=2` computes in two processes, and
        `scheduler="HOST:PORT"` on a Dask cluster, with the same rows. `dry_run=True` says
        beforehand what it takes.
        """
    )
    return (grid,)


@app.cell
def _(grid, mo):
    mo.vstack([mo.md("## 5. Its table"), grid.table()])
    return


@app.cell
def _(grid, mo):
    picture = grid.plot("kappa", facets=["family"])
    mo.vstack([mo.md("## 6. Its picture"), picture])
    return (picture,)


@app.cell
def _(grid, mo):
    means = grid.frame.groupby(["family", "learner"], sort=False).loss.mean().unstack()
    mo.vstack([
        mo.md(
            """
            ## 7. Rows

            `grid.frame` is a DataFrame of one row for each point and learner, with loss, interval,
            bounds and every parameter; frames of any runs concatenate.
            """
        ),
        means,
    ])  # fmt: skip
    return (means,)


if __name__ == "__main__":
    app.run()
