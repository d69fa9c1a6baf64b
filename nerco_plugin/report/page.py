"""Report pages: one HTML file with its style, scripts and data inside, so that it opens offline from any folder."""

import html
import json
from collections.abc import Sequence
from importlib.resources import files
from string import Template

PAGE = Template("""<!DOCTYPE html>
<html lang="en" data-theme="auto">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<main id="page"></main>
<noscript>This page needs JavaScript; the same figures are in the files beside it.</noscript>
<script type="application/json" id="data">$data</script>
<script>
$script
</script>
</body>
</html>
""")


def read_resource(name: str) -> str:
    """The text of a file of this package."""
    return files("nerco_plugin.report").joinpath(name).read_text(encoding="utf-8")


def render(title: str, scripts: Sequence[str], data: object) -> str:
    """A whole page: ``scripts`` (names of assets) run on ``data``, which must be JSON without nan or infinity.

    Raises:
        ValueError: nan or infinity in ``data``.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return PAGE.substitute(
        title=html.escape(title),
        style=read_resource("assets/style.css"),
        data=text.replace("<", "\\u003c"),  # so that no name can close the script element
        script="\n".join(read_resource(f"assets/{name}") for name in scripts),
    )
