"""The page that runs a bundle in a browser: its sources, which need no build step."""
