"""Where messages go, one file per channel; the only files here that may send.

Only `alerts.dispatch` and `daemon` import them, and SDKs are imported inside their classes.
A new channel is its file and its line below.
"""

CHANNELS: tuple[str, ...] = ()
"""Import paths (`alerts.channels.slack:SlackChannel`); the first come with the daemon."""
