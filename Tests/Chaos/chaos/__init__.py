"""Process chaos: the real binary under load, faults of all kinds, and an audit of what is left. See docs/chaos.md."""
