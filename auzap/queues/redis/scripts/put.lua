q.ACCEPTED, q.DUPLICATE, q.SAME = 1, 0, 2

function q.put(id, body, due)
  if call('HSETNX', BODIES, id, body) == 0 then
    call('HSET', META, 'repeated', '1') -- a write for WAIT to wait for
    return q.SAME
  end
  local head = q.read_head(body)
  if head.dedupe and call('SADD', DEDUPES, head.dedupe) == 0 then
    call('HDEL', BODIES, id)
    return q.DUPLICATE
  end
  if due > now then
    call('ZADD', DELAYED, due, id)
    q.due_at(due, head.side)
  else
    q.append(id, head)
  end
  return q.ACCEPTED
end

-- id, body, when it is due: for each envelope
ops['put.all'] = function(at, count)
  q.promote() -- what is due already stands before what comes now
  local told = {}
  for i = at, at + count - 1, 3 do
    told[#told + 1] = q.put(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]))
  end
  return told
end
