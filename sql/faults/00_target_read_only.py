# task: 0
# check: the server can take the migration
# trigger: Technical environment issues
# point: before the check
# reason: the target takes no writes, even of a transaction that asks to write

type(task).begin_probe = property(lambda session: b"BEGIN READ ONLY", lambda session, begin: None)
