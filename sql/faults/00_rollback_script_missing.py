# task: 0
# check: every task has its rollback script
# trigger: Safety requirements not met
# point: after step 0.1
# reason: the last task has no rollback

from dataclasses import replace

*others, last = task.plan.tasks
lost = replace(last, rollback=last.rollback.with_stem("lost"))
task.plan = replace(task.plan, tasks=(*others, lost))
