"""Reports as one self-contained HTML page: nothing is loaded, nothing of a model can run.

Two layers: `genfix.report.html.page` makes any page from a template (frame, style, script, policy), and
`genfix.report.html.review` fills the one for findings and plans. Jinja is imported when a page is made.
"""

from genfix.report.html.review import check_page, plan_page
