-- What is done under a lease; under one that is lost, nothing of it happens.
-- A server out of memory refuses a script whose first write needs some. All of this must get through, or nothing would
-- ever get out of it: so each begins with a write that only takes away.
q.IS_LOST, q.IS_KEPT, q.IS_BACK, q.IS_GONE = 0, 1, 2, 3

function q.holding(lane, token)
  local record = q.read_record(lane)
  if record and record[3] == tonumber(token) and tonumber(call('ZSCORE', LEASES, lane) or 0) > now then
    return record
  end
end

-- Of the envelopes wanted, those that are leased: out of the lane, which goes back when none of the lease is left.
function q.take_out(lane, record, wanted)
  local key, leased, out = LANE .. lane, q.leased_of(lane, record), {}
  for _, id in ipairs(leased) do
    if wanted[id] then
      out[#out + 1] = id
    end
  end
  if #out < #leased then
    for _, id in ipairs(out) do
      call('LREM', key, 1, id)
    end
    if #out > 0 then
      record[4] = #leased - #out
      q.write_record(lane, record)
    end
    return out, q.IS_KEPT
  end
  call('LTRIM', key, #leased, -1)
  call('ZREM', LEASES, lane)
  if call('EXISTS', key) == 1 then
    q.release(lane, record)
    return out, q.IS_BACK
  end
  call('HDEL', RECORDS, lane)
  return out, q.IS_GONE
end

-- lane, token, then id and dedupe key ('': none, else one character before it)
ops['settle.ack'] = function(at, count)
  local lane = ARGV[at]
  local record = q.holding(lane, ARGV[at + 1])
  if not record then
    return q.IS_LOST
  end
  local wanted = {}
  for i = at + 2, at + count - 1, 2 do
    wanted[ARGV[i]] = ARGV[i + 1]
  end
  local out, became = q.take_out(lane, record, wanted)
  if #out > 0 then
    call('HDEL', BODIES, unpack(out))
  end
  for _, id in ipairs(out) do
    if wanted[id] ~= '' then
      call('SREM', DEDUPES, wanted[id]:sub(2))
    end
  end
  return became
end

-- lane, token, burial, ids
ops['settle.bury'] = function(at, count)
  local lane = ARGV[at]
  local record = q.holding(lane, ARGV[at + 1])
  if not record then
    return q.IS_LOST
  end
  local wanted = {}
  for i = at + 3, at + count - 1 do
    wanted[ARGV[i]] = true
  end
  local out, became = q.take_out(lane, record, wanted)
  for _, id in ipairs(out) do
    local body = call('HGET', BODIES, id)
    if body then
      call('HSET', BURIALS, id, ARGV[at + 2])
      call('ZADD', DEAD, 0, id)
      call('ZADD', DEAD_OF .. q.read_head(body).tenant, 0, id)
      call('ZADD', BURIED, now, id)
    end
  end
  return became
end

-- lane, token, delay, ids whose attempt is counted
ops['settle.retry'] = function(at, count)
  local lane, delay = ARGV[at], tonumber(ARGV[at + 2])
  local record = q.holding(lane, ARGV[at + 1])
  if not record then
    return q.IS_LOST
  end
  call('ZREM', LEASES, lane)
  local leased = {}
  for _, id in ipairs(q.leased_of(lane, record)) do
    leased[id] = true
  end
  for i = at + 3, at + count - 1 do
    if leased[ARGV[i]] then
      q.one_more(ARGV[i], q.ATTEMPTS)
    end
  end
  if delay <= 0 then
    q.release(lane, record)
  else
    q.write_record(lane, {record[1], record[2]})
    call('ZADD', HELD, now + delay, lane)
    q.due_at(now + delay, record[2])
  end
  return q.IS_BACK
end

-- lane, token, until when, instance
ops['settle.defer'] = function(at)
  local lane, till = ARGV[at], tonumber(ARGV[at + 2])
  local record = q.holding(lane, ARGV[at + 1])
  if not record then
    return q.IS_LOST
  end
  call('ZREM', LEASES, lane)
  if till <= now then
    q.release(lane, record)
  else
    local parked = q.parked_key(record[1], ARGV[at + 3])
    q.write_record(lane, {record[1], record[2], parked})
    call('ZADD', DEFERRED, till, lane)
    call('ZADD', parked, till, lane)
    q.due_at(till, record[2])
  end
  return q.IS_BACK
end

-- duration, then lane and token; tells for each whether it is held on to
ops['settle.renew'] = function(at, count)
  local till, told = now + tonumber(ARGV[at]), {}
  for i = at + 1, at + count - 1, 2 do
    local held = q.holding(ARGV[i], ARGV[i + 1])
    if held then
      call('ZREM', LEASES, ARGV[i])
      call('ZADD', LEASES, till, ARGV[i])
      q.due_at(till)
    end
    told[#told + 1] = held and 1 or 0
  end
  return told
end
