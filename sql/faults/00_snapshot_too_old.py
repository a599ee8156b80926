# task: 0
# check: the provider's snapshot, where one is named, is recent
# trigger: Safety requirements not met
# point: before the check
# reason: the provider's snapshot is of last year

task.setting("provider_snapshot", "nightly")
task.setting("snapshot_taken_at", "2024-01-01T00:00:00Z")
