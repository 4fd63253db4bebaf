-- ARGV: a name for the queue if it has none, the greatest token that the caller has seen; then for each operation its
-- name, the number of its arguments, and these. Tells the queue's id, then for each operation what it tells.
if not q.meta[1] then -- it is new, or was flushed: whoever knew it sees another id
  q.meta[1] = ARGV[1] .. ':' .. q.written(now)
  call('HSET', META, 'id', q.meta[1], 'version', VERSION)
end
local told, at = {q.meta[1]}, 3
while ARGV[at] do
  local name, count = ARGV[at], tonumber(ARGV[at + 1])
  if not ops[name] then
    load(name:match('^%w+'))
  end
  told[#told + 1] = ops[name](at + 2, count)
  at = at + 2 + count
end
if q.ticked or q.due_moved then
  call('HSET', META, 'clock', q.written(q.last_token), 'due', q.written(q.first_due))
end
q.ring()
return told
