"""Components that were written for other packages, played in our bundles."""
