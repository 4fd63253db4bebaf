-- What one call of the script knows: the time, the greatest token, what is to be woken.
-- Times are whole microseconds since 1970 by this server's clock: exact as numbers, but not when joined to a text.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000000 + time[2]

-- A call is short: to make all functions for it would take most of its time. Those that are not here are made when one
-- of them is needed.
local q, homes = {}, {'due', 'lanes', 'entering'}
setmetatable(q, {__index = function(_, name)
  local found = nil
  while found == nil and #homes > 0 do
    load(table.remove(homes))
    found = rawget(q, name)
  end
  return found
end})
q.meta = call('HMGET', META, 'id', 'clock', 'due', 'kept:0', 'kept:1')

-- Tokens grow also when this clock goes back (last), or when the server was replaced by one that is behind (ARGV[2]:
-- the greatest that the caller has seen).
q.last_token = math.max(tonumber(q.meta[2] or 0), tonumber(ARGV[2]))
q.ticked = false
function q.tick()
  q.last_token = math.max(q.last_token + 1, now)
  q.ticked = true
  return q.last_token
end

function q.written(number)
  return string.format('%.0f', number)
end

-- Nothing is due before this; where it is not known, everything may be.
q.NEVER, q.LOOK = 9e15, 500000
q.first_due = tonumber(q.meta[3] or 0)
q.due_moved = false

-- Make ready what is due.
function q.promote()
  if q.first_due <= now then
    q.promote_due()
  end
end

-- A lane has a list while anything is in it; it is ready unless RECORDS says otherwise.
-- A record is {tenant, side}, of a lease {tenant, side, token, how many envelopes, worker, tag},
-- of a deferred lane {tenant, side, its instance's key}.
function q.write_record(lane, record)
  call('HSET', RECORDS, lane, cmsgpack.pack(record))
end

-- Sides on which a lane is ready (true), or none is (false); those on which something is due before anybody looks.
q.ready, q.soon = {}, {}
-- Those on which a tenant has a lane ready that had none; until when somebody is kept from what else is ready.
q.news, q.kept = {}, {['0'] = q.meta[4], ['1'] = q.meta[5]}

function q.due_at(at, side)
  if at < q.first_due then
    q.first_due, q.due_moved = at, true
  end
  if side and at - now < q.LOOK then
    q.soon[side] = true
  end
end

-- A bell has something in it while a lane of its side is ready. One is enough: whoever leases rings on.
function q.ring()
  for side, is_ready in pairs(q.ready) do
    if is_ready then
      q.soon[side] = true
    else
      call('DEL', BELL .. side)
    end
  end
  for side in pairs(q.soon) do
    if call('RPUSH', BELL .. side, '1') > 1 then
      call('LTRIM', BELL .. side, 0, 0)
    end
  end
  for side in pairs(q.news) do
    if tonumber(q.kept[side] or 0) > now then
      call('RPUSH', NEWS .. side, '1')
      call('LTRIM', NEWS .. side, 0, 0)
      call('PEXPIRE', NEWS .. side, 2 * q.LOOK / 1000)
    end
  end
end
