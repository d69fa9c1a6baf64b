"""Train and test pipelines: BasicSR's options, log lines and folders, without what goes wrong in its loop."""
