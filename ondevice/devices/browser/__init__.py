"""A browser as a place where files run: LiteRT.js, a server for this machine alone, and Chromium."""
