"""Pages made from evidence: the report, the comparison, the notebooks as HTML."""
