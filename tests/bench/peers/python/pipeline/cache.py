"""The middleware's cache, and the stream of events."""

import os

import redis

from kit import secret
from supabase import fill

KEYS = os.environ.get("TENANT_CACHE_KEYS") or "tenant:slug:{slug},tenant:id:{tenant_id}"
PUBLISH_ONCE = """
if redis.call('EXISTS', KEYS[2]) == 1 then
  return false
end
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('SET', KEYS[2], id, 'EX', ARGV[1])
return id
"""
clients = {}


def valkey():
    url = secret("control/valkey")["url"]
    if url not in clients:
        clients[url] = redis.Redis.from_url(url, decode_responses=True, socket_timeout=5, socket_connect_timeout=3)
    return clients[url]


def entries(tenant):
    return [fill(template.strip(), tenant) for template in KEYS.split(",")]


def remove(server, keys):
    for key in keys:
        server.unlink(key)
