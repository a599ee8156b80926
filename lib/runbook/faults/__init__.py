"""Fault injection: proves on scratch copies that every check catches its fault."""
