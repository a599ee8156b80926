# task: 0
# check: no concern is left unsettled
# trigger: Stakeholder concerns raised
# point: after step 0.2
# reason: support has said that nobody told its customers

concerns = ["Support: no customer has been told."]
