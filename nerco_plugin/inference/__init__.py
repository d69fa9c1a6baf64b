"""Photographs in, photographs out."""
