-- What becomes of lanes that were leased.
q.ATTEMPTS, q.LOST, q.REVIVED = 1, 5, 9

function q.read_record(lane)
  local packed = call('HGET', RECORDS, lane)
  return packed and cmsgpack.unpack(packed)
end

function q.leased_of(lane, record)
  return call('LRANGE', LANE .. lane, 0, record[4] - 1)
end

function q.parked_key(tenant, instance)
  return PARKED .. #tenant .. ':' .. tenant .. ':' .. instance
end

-- To the tail of its tenant's ready lanes.
function q.release(lane, record)
  call('HDEL', RECORDS, lane)
  q.enlist(lane, record[1], record[2])
end

function q.let_go(set, lane)
  call('ZREM', set, lane)
  local record = q.read_record(lane)
  if record then
    q.release(lane, record)
  end
  return record
end

function q.one_more(id, what)
  local body = call('HGET', BODIES, id)
  if body then
    local number = struct.pack('>I4', struct.unpack('>I4', body, what) + 1)
    call('HSET', BODIES, id, body:sub(1, what - 1) .. number .. body:sub(what + 4))
  end
end
