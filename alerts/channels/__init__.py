"""Where messages go, one file per channel; the only files here that may send.

Only `alerts.dispatch` and `daemon` import them, and SDKs are imported inside their classes.
A new channel is its file and its line below.
"""

CHANNELS: tuple[str, ...] = (
    "alerts.channels.slack:SlackChannel",
    "alerts.channels.slack_webhook:SlackWebhook",
)
"""Import paths of everything that messages can go to."""
