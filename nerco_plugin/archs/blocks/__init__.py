"""Plain torch modules: no registry, no options, no logger; usable in any network."""
