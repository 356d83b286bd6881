"""How fast, how much memory, how it grows; each against the usual way and the physical limit."""
