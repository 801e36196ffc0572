"""Read the files in which people already declare what to install, and make combos of them. Nothing is executed."""
