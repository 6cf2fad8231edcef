"""`costd init`: looks for what is there, asks a few questions, and writes a first configuration."""
