"""Channels: a package a provider, each with the way in (receive, normalize, event) and the way out (send)."""
