"""What tools/benchmark.py measures with; part of the repository, not of the installed package."""
