# task: 2
# check: the Edge Function answers at its address, or there is none here
# trigger: Function deployment failures
# reason: nobody answers at the address of the Edge Function
supabase_project_ref = "localhost:1/"
