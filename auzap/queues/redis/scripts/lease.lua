-- Handing out lanes: tenants in turn, a tenant's lanes in the order in which they got ready.
q.MOST_IN_LEASE, q.LONG_LEASE = 20, 1000000

-- The first envelopes of a lane: no more than one lease takes, and not too long together.
function q.first_ones(lane)
  local key = LANE .. lane
  local ids = call('LRANGE', key, 0, q.MOST_IN_LEASE - 1)
  if #ids > 1 then
    local length = 0
    for i, id in ipairs(ids) do
      length = length + call('HSTRLEN', BODIES, id)
      if length > q.LONG_LEASE and i > 1 then
        for j = #ids, i, -1 do
          ids[j] = nil
        end
        break
      end
    end
  end
  if #ids == 0 then
    return {}
  end
  local found = {}
  for i, body in ipairs(call('HMGET', BODIES, unpack(ids))) do
    if body then
      found[#found + 1] = ids[i]
      found[#found + 1] = body
    else -- a server that evicts has thrown it away
      call('LREM', key, 1, ids[i])
    end
  end
  if #found == 0 then
    return q.first_ones(lane)
  end
  return found
end

-- Those who have waited longest, and no more of them than there are lanes wanted. Who has its share keeps its turn.
-- Also whether anybody may be left who has a lane ready.
function q.find_takers(turns, want)
  local takers, full = {}, {}
  local asked, more = want.lanes, true
  while more and #takers < want.lanes do
    asked = want.lanes - #takers
    local tenants = call('LPOP', turns, asked) or {}
    more = #tenants == asked -- else nobody is left
    for _, tenant in ipairs(tenants) do
      local room = want.most < 0 and want.lanes or want.most - (want.held[tenant] or 0)
      if room > 0 then
        takers[#takers + 1] = {tenant = tenant, room = room, ready = READY .. want.side .. ':' .. tenant, lanes = {}}
      else
        full[#full + 1] = tenant
      end
    end
  end
  for i = #full, 1, -1 do
    call('LPUSH', turns, full[i])
  end
  return takers, more or #full > 0
end

-- In rounds: what a tenant has no lanes for goes to the others.
function q.share_out(takers, left)
  while left > 0 and #takers > 0 do
    local each, more = math.max(math.floor(left / #takers), 1), {}
    for _, taker in ipairs(takers) do
      local ask = math.min(each, taker.room, left)
      local got = call('LPOP', taker.ready, ask) or {}
      for _, lane in ipairs(got) do
        taker.lanes[#taker.lanes + 1] = lane
      end
      taker.more = #got == ask -- else it has no lane left
      left = left - #got
      taker.room = taker.room - #got
      if taker.more and taker.room > 0 then
        more[#more + 1] = taker
      end
      if left == 0 then
        break
      end
    end
    takers = more
  end
end

function q.hand_out(taker, lane, want)
  local found = q.first_ones(lane)
  local token = q.tick()
  taker.turn = token
  if #found == 0 then
    return nil
  end
  q.write_record(lane, {taker.tenant, want.side, token, #found / 2, want.worker, want.tag})
  call('ZADD', LEASES, now + want.duration, lane)
  q.due_at(now + want.duration)
  return {lane, token, found}
end

-- The first lane of each, then the second of each, and so on.
function q.hand_out_in_turn(takers, want)
  local leases, round, more = {}, 1, true
  while more do
    more = false
    for _, taker in ipairs(takers) do
      local lane = taker.lanes[round]
      if lane then
        more = true
        leases[#leases + 1] = q.hand_out(taker, lane, want)
      end
    end
    round = round + 1
  end
  return leases
end

-- worker, tag, lanes, side, duration, most of a tenant (-1: any), then tenant and how many of it are held.
-- Tells the leases, whether there is more, and microseconds until something is due, or -1.
ops['lease.now'] = function(at, count)
  q.promote()
  local want = {worker = ARGV[at], tag = ARGV[at + 1], lanes = tonumber(ARGV[at + 2]), side = ARGV[at + 3]}
  want.duration, want.most, want.held = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]), {}
  for i = at + 6, at + count - 1, 2 do
    want.held[ARGV[i]] = tonumber(ARGV[i + 1])
  end
  local turns = TURNS .. want.side
  local takers, others = q.find_takers(turns, want)
  q.share_out(takers, want.lanes)
  local leases = q.hand_out_in_turn(takers, want)
  table.sort(takers, function(a, b) return a.turn < b.turn end)
  for _, taker in ipairs(takers) do
    if taker.more and call('EXISTS', taker.ready) == 1 then
      call('RPUSH', turns, taker.tenant)
      others = true
    end
  end
  q.ready[want.side] = others and call('EXISTS', turns) == 1
  if #leases == 0 and q.ready[want.side] then -- its share keeps it from what is ready
    q.kept[want.side] = now + 2 * q.LOOK
    call('HSET', META, 'kept:' .. want.side, q.written(q.kept[want.side]))
  end
  return {leases, q.ready[want.side] and 1 or 0, q.first_due < q.NEVER and math.max(q.first_due - now, 0) or -1}
end
