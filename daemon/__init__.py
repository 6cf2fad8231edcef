"""The program: command line, assembly, pipeline. The only room that knows all others."""
