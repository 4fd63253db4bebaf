-- Lanes that somebody else than their worker makes ready.

-- tenant, instance; tells how many there were
ops['freeing.wake'] = function(at)
  local parked = q.parked_key(ARGV[at], ARGV[at + 1])
  local lanes = call('ZRANGE', parked, 0, q.MOST_DUE - 1)
  for _, lane in ipairs(lanes) do
    call('ZREM', parked, lane)
    q.let_go(DEFERRED, lane)
  end
  return #lanes
end

-- worker, and the id of the envelope that cost it its leases, if there is one
ops['freeing.blame'] = function(at, count)
  local blamed = count > 1 and ARGV[at + 1]
  for _, lane in ipairs(call('ZRANGE', LEASES, 0, -1)) do
    local record = q.read_record(lane)
    if record and record[5] == ARGV[at] then
      q.let_go(LEASES, lane)
      for _, id in ipairs(blamed and q.leased_of(lane, record) or {}) do
        if id == blamed then
          q.one_more(id, q.LOST)
        end
      end
    end
  end
  return 1
end

-- tags: what was leased by calls whose answer nobody got goes back unharmed
ops['freeing.forget'] = function(at, count)
  local tags = {}
  for i = at, at + count - 1 do
    tags[ARGV[i]] = true
  end
  for _, lane in ipairs(call('ZRANGE', LEASES, 0, -1)) do
    local record = q.read_record(lane)
    if record and tags[record[6]] then
      q.let_go(LEASES, lane)
    end
  end
  return 1
end

-- tag: the lease call that waits with it should not any more. What is not read goes by itself.
ops['freeing.stop'] = function(at)
  local key = STOP .. ARGV[at]
  call('DEL', key)
  call('RPUSH', key, '1')
  call('PEXPIRE', key, 2000)
  return 1
end
