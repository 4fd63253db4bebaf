-- Envelopes: a head of fixed places that is read here, and JSON that is not. See bodies.py.
q.HEAD, q.HEAD_SIZE = '>I4I4I4BI4I4I4I4', 29
q.ATTEMPTS, q.LOST, q.REVIVED = 1, 5, 9

function q.read_head(body)
  local _, _, _, side, lane, tenant, instance, dedupe = struct.unpack(q.HEAD, body)
  local head, at = {side = tostring(side)}, q.HEAD_SIZE
  head.lane = body:sub(at + 1, at + lane)
  at = at + lane
  head.tenant = body:sub(at + 1, at + tenant)
  at = at + tenant + instance
  if dedupe > 0 then -- one more than its length
    head.dedupe = body:sub(at + 1, at + dedupe - 1)
  end
  return head
end

function q.one_more(id, what)
  local body = call('HGET', BODIES, id)
  if body then
    local number = struct.pack('>I4', struct.unpack('>I4', body, what) + 1)
    call('HSET', BODIES, id, body:sub(1, what - 1) .. number .. body:sub(what + 4))
  end
end
