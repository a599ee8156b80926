"""What a notebook's cells call: the session, the magics, checks, measurements, charts."""
