"""Test any BasicSR model from an option file: python tools/test.py -opt options/FILE.yml"""

import sys
from pathlib import Path

from nerco_plugin.engine.options_flags import parse_arguments
from nerco_plugin.openmp import wait_asleep


def main() -> int:
    """Test; see ``nerco_plugin.engine.errors.answer`` for exit codes."""
    parse_arguments(sys.argv[1:], is_train=False)  # --help and faults need not wait for the rest
    wait_asleep()
    from nerco_plugin.allocator import keep_freed_memory
    from nerco_plugin.engine.errors import answer
    from nerco_plugin.engine.test import test

    keep_freed_memory()
    return answer(lambda: test(Path(__file__).resolve().parents[1], sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
