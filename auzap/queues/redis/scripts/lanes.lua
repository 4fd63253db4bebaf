-- What becomes of lanes. A lane has a list while anything is in it; it is ready unless RECORDS says otherwise.
-- A record is {tenant, side}, of a lease {tenant, side, token, how many envelopes, worker, tag},
-- of a deferred lane {tenant, side, its instance's key}.
q.MOST_DUE = 500

function q.read_record(lane)
  local packed = call('HGET', RECORDS, lane)
  return packed and cmsgpack.unpack(packed)
end

function q.write_record(lane, record)
  call('HSET', RECORDS, lane, cmsgpack.pack(record))
end

function q.leased_of(lane, record)
  return call('LRANGE', LANE .. lane, 0, record[4] - 1)
end

function q.parked_key(tenant, instance)
  return PARKED .. #tenant .. ':' .. tenant .. ':' .. instance
end

function q.enlist(lane, tenant, side)
  if call('RPUSH', READY .. side .. ':' .. tenant, lane) == 1 then
    call('RPUSH', TURNS .. side, tenant)
  end
  q.ready[side] = true
end

-- To the tail of its tenant's ready lanes.
function q.release(lane, record)
  call('HDEL', RECORDS, lane)
  q.enlist(lane, record[1], record[2])
end

function q.append(id, head)
  if call('RPUSH', LANE .. head.lane, id) == 1 then
    q.enlist(head.lane, head.tenant, head.side)
  end
end

function q.due_of(set)
  return call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, q.MOST_DUE)
end

function q.let_go(set, lane)
  call('ZREM', set, lane)
  local record = q.read_record(lane)
  if record then
    q.release(lane, record)
  end
  return record
end

-- When the first of what waits for a time is due.
function q.find_first_due()
  local first = q.NEVER
  for _, set in ipairs({LEASES, HELD, DEFERRED, DELAYED}) do
    local head = call('ZRANGE', set, 0, 0, 'WITHSCORES')
    first = math.min(first, tonumber(head[2] or q.NEVER))
  end
  return first
end

-- Make ready what is due.
function q.promote()
  if q.first_due > now then
    return
  end
  for _, lane in ipairs(q.due_of(LEASES)) do
    q.let_go(LEASES, lane)
    local first = call('LINDEX', LANE .. lane, 0)
    if first then
      q.one_more(first, q.LOST)
    end
  end
  for _, lane in ipairs(q.due_of(HELD)) do
    q.let_go(HELD, lane)
  end
  for _, lane in ipairs(q.due_of(DEFERRED)) do
    local record = q.let_go(DEFERRED, lane)
    if record then
      call('ZREM', record[3], lane)
    end
  end
  for _, id in ipairs(q.due_of(DELAYED)) do
    call('ZREM', DELAYED, id)
    local body = call('HGET', BODIES, id)
    if body then
      q.append(id, q.read_head(body))
    end
  end
  q.first_due, q.due_moved = q.find_first_due(), true
end
