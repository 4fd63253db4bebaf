-- Into a lane. Envelopes: a head of fixed places that is read here, and JSON that is not. See bodies.py.
q.HEAD, q.HEAD_SIZE = '>I4I4I4BI4I4I4I4', 29

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

function q.enlist(lane, tenant, side)
  if call('RPUSH', READY .. side .. ':' .. tenant, lane) == 1 then
    call('RPUSH', TURNS .. side, tenant)
    q.news[side] = true
  end
  q.ready[side] = true
end

function q.append(id, head)
  if call('RPUSH', LANE .. head.lane, id) == 1 then
    q.enlist(head.lane, head.tenant, head.side)
  end
end
