"""`python -m antiscale` is `antiscale`."""

from antiscale.cli import main

main()
