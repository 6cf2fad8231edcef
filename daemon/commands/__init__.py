"""One file per command: reads its options, asks the rooms, prints. Each exposes `command`."""
