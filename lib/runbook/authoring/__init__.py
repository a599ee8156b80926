"""Authoring: another migration laid out as a folder that runs at once, and steps added to one."""
