# task: 0
# check: the tables are small enough to be dumped, or the provider's snapshot is named
# trigger: Safety requirements not met
# point: before the check
# reason: the tables are larger than what is dumped here

task.setting("backup_limit_gb", 0)
