"""A tenant as it runs: its plugins, channels and options, built when first needed."""
