-- Counting envelopes by state: what is due is waiting, whether it was noticed or not.
ops['census.count'] = function()
  local later = '(' .. q.written(now)
  local leased, held = 0, 0
  for _, lane in ipairs(call('ZRANGEBYSCORE', LEASES, later, '+inf')) do
    local record = q.read_record(lane)
    leased = leased + (record and record[4] or 0)
  end
  for _, lane in ipairs(call('ZRANGEBYSCORE', HELD, later, '+inf')) do
    held = held + call('LLEN', LANE .. lane)
  end
  local delayed, dead = call('ZCOUNT', DELAYED, later, '+inf'), call('ZCARD', DEAD)
  return {call('HLEN', BODIES) - delayed - dead - leased - held, delayed + held, leased, dead}
end

ops['census.version'] = function()
  call('LPOP', STOP, 1) -- nothing is there; a Redis that is too old does not know how to take several
  return tonumber(call('HGET', META, 'version') or VERSION)
end
