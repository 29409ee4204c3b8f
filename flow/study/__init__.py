"""Studies that compare whole designs."""
