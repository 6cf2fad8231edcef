"""What the GPUs of this machine say, as metrics: `costd gpu-exporter`."""
