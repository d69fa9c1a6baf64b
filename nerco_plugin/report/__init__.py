"""Tables and the before/after page."""
