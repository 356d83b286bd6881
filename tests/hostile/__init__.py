"""Input that means harm, through the real commands: what it may not do, and what it costs."""
