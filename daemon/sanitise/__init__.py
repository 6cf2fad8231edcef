"""Real exports made shareable: what identifies somebody is replaced, what counts stays."""
