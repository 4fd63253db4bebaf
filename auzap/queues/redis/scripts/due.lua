-- What waits for a time.
q.MOST_DUE = 500

function q.due_of(set)
  return call('ZRANGEBYSCORE', set, '-inf', now, 'LIMIT', 0, q.MOST_DUE)
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

-- Make it ready.
function q.promote_due()
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
