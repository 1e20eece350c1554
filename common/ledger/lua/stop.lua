-- End a job early. Returns its previous state, or nil if there is no such job.
-- args: id, state (cancelled, failed or expired), error
write_even_if_full()
local state = redis.call('HGET', job_key(args.id), 'state')
if state and not has_ended(state) then end_job(args.id, args.state, args.error) end
return state
