# task: 1
# check: three figures are on record
# trigger: Cannot establish reliable baseline
# point: after step 1.2
# reason: half as many samples as a baseline needs

samples = 50
