-- End a job before its time. Returns its state as it was, or nothing when there is no such job.
-- ARGV: id, state (cancelled, failed or expired), error
write_even_if_full()
local state = redis.call('HGET', job_key(ARGV[1]), 'state')
if state and not is_ended(state) then end_job(ARGV[1], ARGV[2], ARGV[3]) end
return state
