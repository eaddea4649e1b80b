"""One life of credit, told over the public HTTP API, and what the command line shows of it."""
