"""`antiscale search`."""

from dataclasses import dataclass

from antiscale.cli.options import Flags, Options, command
from antiscale.cli.terminal import Results
from antiscale.core.config import option, writable
from antiscale.search.config import SCHEMA, SearchConfig


@dataclass(frozen=True, kw_only=True)
class Listing(Flags):
    """The list of strategies.

    Parameters
    ----------
    listed
        List the strategies and what each does.
    """

    listed: bool = option(False, flag="--list")


@command(
    Options(SearchConfig, presets="searches"),
    Options(Listing),
    Options(Results, out="Folder for the results. Default: runs/search-<hash>."),
)
def search(config: SearchConfig, listing: Listing, results: Results) -> None:
    """Set test-time search strategies on one axis of tokens: accuracy and return, exactly (T10).

    Nothing is sampled, so there is no seed: every curve is a finite sum. Leaves rows, a manifest
    and a figure.

    Examples
    --------
    antiscale search
    antiscale search --strategy oracle --strategy oracle@finetuned --strategy single@cloned
    antiscale search --strategy noisy --verifier auc=0.7 --family heterogeneous --horizon 1024
    antiscale search --family explicit --set file=model.csv --strategy majority --budget 64,256,1024
    antiscale search --config difficulty
    antiscale search --list
    """
    from antiscale.cli.screens import search as screens
    from antiscale.search import curves, strategies
    from antiscale.search import folder as folders

    if listing.listed:
        each = {name: entry.summary for name, entry in strategies.STRATEGIES.items()}
        results.show({"schema": SCHEMA, "strategies": each}, lambda _: screens.listing())
        return
    for name in config.strategies:
        strategies.parse(name)
    strategies.Setup.of(config)
    plain = writable(config.to_dict())
    with results.folder("search", SCHEMA, config.hash(), config=plain) as folder:
        with results.progress(len(config.strategies), config.strategies[0]) as advance:
            found = curves.search_curves(config, progress=advance)
        folders.write(found, folder)
    results.show(
        found.to_json(),
        lambda _: screens.screen(found),
        f"\nResults: {folder.path}/  (rows.csv, result.json, search.png, .svg)",
    )
