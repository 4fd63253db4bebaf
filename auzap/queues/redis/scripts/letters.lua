-- Dead letters: looking at them, bringing them back, removing them.

function q.tell_letter(id)
  return {id, call('HGET', BURIALS, id), call('ZSCORE', BURIED, id), call('HGET', BODIES, id)}
end

-- id
ops['letters.one'] = function(at)
  return call('ZSCORE', DEAD, ARGV[at]) and q.tell_letter(ARGV[at]) or false
end

-- after which id, how many, and whose, if not everybody's
ops['letters.some'] = function(at, count)
  local set = count > 2 and DEAD_OF .. ARGV[at + 2] or DEAD
  local told = {}
  for _, id in ipairs(call('ZRANGEBYLEX', set, '(' .. ARGV[at], '+', 'LIMIT', 0, ARGV[at + 1])) do
    told[#told + 1] = q.tell_letter(id)
  end
  return told
end

-- Out of the dead letters; tells its envelope, if it is one of them.
function q.unbury(id)
  if call('ZREM', DEAD, id) == 0 then
    return nil
  end
  call('ZREM', BURIED, id)
  call('HDEL', BURIALS, id)
  local body = call('HGET', BODIES, id)
  if body then
    call('ZREM', DEAD_OF .. q.read_head(body).tenant, id)
  end
  return body
end

-- ids; tells how many there were
ops['letters.revive'] = function(at, count)
  q.promote() -- what is due already stands before what comes back now
  local revived = 0
  for i = at, at + count - 1 do
    local id = ARGV[i]
    local body = q.unbury(id)
    if body then
      local again = struct.unpack('>I4', body, q.REVIVED) + 1
      call('HSET', BODIES, id, struct.pack('>I4I4I4', 0, 0, again) .. body:sub(q.REVIVED + 4))
      q.append(id, q.read_head(body))
      revived = revived + 1
    end
  end
  return revived
end

function q.purge(id)
  local body = q.unbury(id)
  if not body then
    return 0
  end
  call('HDEL', BODIES, id)
  local dedupe = q.read_head(body).dedupe
  if dedupe then
    call('SREM', DEDUPES, dedupe)
  end
  return 1
end

-- before when they were buried, ids; tells how many there were
ops['letters.purge'] = function(at, count)
  local before, purged = tonumber(ARGV[at]), 0
  for i = at + 1, at + count - 1 do
    local buried = call('ZSCORE', BURIED, ARGV[i])
    if buried and tonumber(buried) < before then
      purged = purged + q.purge(ARGV[i])
    end
  end
  return purged
end

-- before when they were buried, how many at the most; tells how many there were
ops['letters.purge_old'] = function(at)
  local purged = 0
  for _, id in ipairs(call('ZRANGEBYSCORE', BURIED, '-inf', '(' .. ARGV[at], 'LIMIT', 0, ARGV[at + 1])) do
    purged = purged + q.purge(id)
  end
  return purged
end
