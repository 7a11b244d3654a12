"""The report page: one self-contained HTML document from a run's folder.

`explorer` computes what the sliders show, `figures` draws rows and grid, `typography` sets
formulas, `document` puts the whole together; page.html, page.css and page.js are its parts.
"""

from antiscale.page.document import SCHEMA as SCHEMA
from antiscale.page.document import Page as Page
from antiscale.page.document import build as build
from antiscale.page.document import made_by_us as made_by_us
