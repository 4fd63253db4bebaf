"""Queue backends: a package each; which one is used follows from the URL's scheme."""
