"""Running and looking after the platform: what the command line does, without the printing."""
