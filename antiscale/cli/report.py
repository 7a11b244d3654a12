"""`antiscale report`."""

from dataclasses import dataclass
from pathlib import Path

from antiscale.cli.options import Options, Run, command
from antiscale.cli.terminal import Results
from antiscale.core.config import option
from antiscale.core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Page(Run):
    """The run and its page.

    Parameters
    ----------
    run
        A results folder.
    out
        Where to put the page. Default: RUN/report.html.
    sliders
        Whether to compute the bounds at other kappa, n/H and heterogeneity.
    """

    out: Path | None = option(None, metavar="FILE.html")
    sliders: bool = option(True, flag="--sliders/--no-sliders")


@command(Options(Page), Options(Results, "as_json quiet"))
def report(page: Page, results: Results) -> None:
    """Make one HTML page of a run: claim, figures, sliders, table, bounds and manifest.

    The page holds all it needs: it opens from disk, without a network. Needs Plotly and Jinja.

    Examples
    --------
    antiscale report runs/HASH
    antiscale report runs/HASH --out page.html --no-sliders
    """
    from antiscale import page as pages
    from antiscale.core.folder import write_whole
    from antiscale.sweeps.folder import read_run

    target = page.run / "report.html" if page.out is None else page.out
    if target.is_dir():
        raise InputError(f"{target} is a folder; name a file with --out")
    if page.out is not None and target.exists() and not pages.made_by_us(target):
        raise InputError(
            f"{target} is there already and is no page of antiscale report; choose another --out"
        )
    folder = read_run(page.run)
    with results.progress(1) as advance:
        made = pages.build(folder, sliders=page.sliders, progress=advance)
    if page.out is None:
        folder.write(target.name, made.html.encode())
    else:
        write_whole(target, made.html.encode())
    results.show({"page": str(target)} | made.data, lambda _: None, str(target))
