"""What auzap asks of BullMQ's Redis in one step, beside BullMQ's own scripts."""

from __future__ import annotations

from typing import Final

__all__ = ["ADOPT", "LEAVE", "SIT"]

#: sit down, or stay: nobody else does
SIT: Final = """
local sits = redis.call('GET', KEYS[1])
if sits and sits ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

LEAVE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
"""

#: the oldest active job that nobody works on any more: its lock is over, or a former bridge's
ADOPT: Final = """
local active, seat = KEYS[1], KEYS[2]
local prefix, token, duration, bridges = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('GET', seat) ~= token then
  return false
end
local ids = redis.call('LRANGE', active, 0, -1)
for at = #ids, 1, -1 do
  local id = ids[at]
  local job, lock = prefix .. id, prefix .. id .. ':lock'
  local owner = redis.call('GET', lock)
  if not owner or string.sub(owner, 1, #bridges) == bridges then
    if redis.call('EXISTS', job) == 1 then
      redis.call('SET', lock, token, 'PX', duration)
      return {redis.call('HGETALL', job), id}
    end
    redis.call('LREM', active, -1, id)
    redis.call('DEL', lock)
  end
end
return false
"""
