"""The report page: one self-contained HTML document from a run's folder.

    explorer.py     what the sliders show, computed on a grid
    figures.py      interactive figures from rows and from the grid
    typography.py   formulas and sentences as HTML
    document.py     the whole; page.html, page.css and page.js are its parts
"""

from antiscale.page.document import SCHEMA as SCHEMA
from antiscale.page.document import Page as Page
from antiscale.page.document import build as build
