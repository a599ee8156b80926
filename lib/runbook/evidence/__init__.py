"""What a run leaves: manifest, attachments, seal, signature, and their verification."""

import sys

# jsonschema, which nbformat imports, would spend 0.8 s on the grammar of a format that no notebook's schema asks for.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
