"""Write docs/options.md from the docstrings of every registered class: python tools/document_options.py"""

import argparse
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "options.md"


def main() -> int:
    """Write the page; 1 where an option is not documented."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    from nerco_plugin.engine.options_document import UndocumentedError, options_page  # --help need not wait
    from nerco_plugin.models.state_file import write_bytes

    try:
        text = options_page()
    except UndocumentedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    write_bytes(PAGE, text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
