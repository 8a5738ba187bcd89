-- load.lua: the load of bench/run, for wrk: wrk … -s load.lua URL -- METHOD [BODY]
--
-- "{n}" in BODY becomes a number that no other request of this run has. Prints one line when all is done:
--   RESULT rate p50 p99 errors done     (1/s; microseconds, microseconds; refusals and broken connections; good answers)

local threads = 0

function setup(thread)
    thread:set("first", threads * 10000000)
    threads = threads + 1
end

function init(args)
    wrk.method = args[1] or "GET"
    local body = args[2]
    if not body then
        return
    end
    wrk.headers["Content-Type"] = "application/json"
    wrk.body = body
    if not body:find("{n}", 1, true) then
        return
    end
    local n = first
    -- only now: wrk makes one request beforehand where there is no such function, which is cheaper
    function request()
        n = n + 1
        return wrk.format(nil, nil, nil, (body:gsub("{n}", n)))
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    local bad = e.connect + e.read + e.write + e.timeout + e.status
    local good = summary.requests - e.status
    io.write(string.format("RESULT %.2f %d %d %d %d\n", good / summary.duration * 1e6, latency:percentile(50),
        latency:percentile(99), bad, good))
end
