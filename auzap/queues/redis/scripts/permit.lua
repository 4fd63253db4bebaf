-- key, most, per; tells after how many microseconds to go ahead.
-- The n-th goes no earlier than `per` after the (n - most)-th, and never before the one ahead of it.
ops['permit.one'] = function(at)
  local key, most, per = PERMIT .. ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local oldest = call('LINDEX', key, 0)
  while oldest and tonumber(oldest) + per <= now do
    call('LPOP', key)
    oldest = call('LINDEX', key, 0)
  end
  local go = math.max(now, tonumber(call('LINDEX', key, -1) or 0))
  local bound = call('LINDEX', key, -most)
  if bound then
    go = math.max(go, tonumber(bound) + per)
  end
  local counts = math.ceil((go + per - now) / 1000) + 1
  call('PEXPIRE', key, counts) -- first, so that a server out of memory takes the rest as well
  call('RPUSH', key, q.written(go))
  call('PEXPIRE', key, counts)
  return go - now
end
