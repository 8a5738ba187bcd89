-- load.lua: the load, for wrk: wrk … -s load.lua URL -- OPERATIONS TARGETS NUMBER THREADS [FROM [HOW_MANY]]
--
--   OPERATIONS   names of the file operations beside this one, of equal weight, with a comma between: show-me,show-me,update-me;
--                or one that stands for itself: "GET /path" or "GET /path/{email}"
--   TARGETS      file of customers, a line each: customer, email, address, digest, token, reset; HOW_MANY of them, without the first FROM
--   NUMBER       no two runs at one server have the same: {n} is made of it, too
--
-- Prints one line when all is done; times in microseconds:
--   RESULT rate p50 p99 errors done broken max        errors: answers that were no success, and broken connections (also as broken)
local COLUMNS = { "customer", "email", "address", "digest", "token", "reset", "cookie" }
local threads = 0
local targets, requests, cache = {}, {}, {}
local counter, number, step, turn = 0, "", 1, 0

function setup(thread)
    thread:set("mine", threads)
    threads = threads + 1
end

local function split(line)
    local fields = {}
    for field in (line .. "\t"):gmatch("([^\t]*)\t") do
        fields[#fields + 1] = field
    end
    return fields
end

local function known_operations(file)
    local known = {}
    for line in io.lines(file) do
        local f = split(line)
        if not line:find("^#") and f[2] then
            known[f[1]] = { name = f[1], method = f[2], path = f[3], who = f[4], body = f[5] }
        end
    end
    return known
end

local function read_operations(names)
    local known = known_operations(debug.getinfo(1, "S").source:match("^@?(.*)load%.lua$") .. "operations")
    for name in (names .. ","):gmatch("([^,]*),") do
        local method, path = name:match("^(%u+) (/.*)$")
        local operation = known[name] or (method and { name = name, method = method, path = path }) or error("no operation " .. name)
        operation.unique = (operation.path .. (operation.body or "")):find("{n}", 1, true)
        cache[operation.name] = {}
        requests[#requests + 1] = operation
    end
end

local function read_targets(file, from, how_many)
    local i = 0
    for line in io.lines(file) do
        i = i + 1
        if i > from + how_many then
            break
        end
        if i > from then
            local target = {}
            for column, value in ipairs(split(line)) do
                target[COLUMNS[column]] = value
            end
            targets[#targets + 1] = target
        end
    end
end

function init(args)
    read_operations(args[1])
    read_targets(args[2], tonumber(args[5] or 0), tonumber(args[6] or 20000))
    number = args[3] .. mine
    step, turn = tonumber(args[4]), mine
    math.randomseed(tonumber(args[3]) + mine)
end

local function made(operation, target)
    local headers = {}
    for name, value in pairs(wrk.headers) do -- Host, and those of wrk's -H
        headers[name] = value
    end
    local function filled(text)
        return (text:gsub("{(%w+)}", function(name) return name == "n" and string.format("%s%07d", number, counter) or target[name] end))
    end
    if operation.who == "bearer" then
        headers["Authorization"] = "Bearer " .. target.token
    elseif operation.who == "cookie" then
        headers["Cookie"] = target.cookie
    end
    if operation.body then
        headers["Content-Type"] = "application/json"
    end
    return wrk.format(operation.method, filled(operation.path), headers, operation.body and filled(operation.body))
end

function request()
    local operation = requests[#requests == 1 and 1 or math.random(#requests)]
    local at = turn % #targets + 1
    turn = turn + step
    counter = counter + 1
    if operation.unique then
        return made(operation, targets[at])
    end
    local kept = cache[operation.name]
    kept[at] = kept[at] or made(operation, targets[at])
    return kept[at]
end

function done(summary, latency)
    local e = summary.errors
    local broken = e.connect + e.read + e.write + e.timeout
    local good = summary.requests - e.status
    io.write(string.format("RESULT %.2f %d %d %d %d %d %d\n", good / summary.duration * 1e6, latency:percentile(50), latency:percentile(99),
        broken + e.status, good, broken, latency.max))
end
