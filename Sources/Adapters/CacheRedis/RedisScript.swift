/// What Redis does in one step. Every script touches the keys that it is given and no others.
enum RedisScript: String, CaseIterable, Sendable {
    case put, invalidate, take

    /// The Lua text; see ``CacheValue`` for what the keys hold.
    var text: String {
        switch self {
        case .put:
            // ARGV: version, moment of the ticket, staleness, age that a ticket may have, kind, lifetime, content. Returns 1 when stored, 0 when something newer
            // is known, -1 when the ticket has run out.
            RedisScript.clock + RedisScript.stored + """
                local version, moment = tonumber(ARGV[1]), tonumber(ARGV[2])
                local now = clock()
                if moment > now or now - moment > tonumber(ARGV[4]) then return -1 end
                local fresh = moment + tonumber(ARGV[3])
                local kind, known, known_fresh = stored(KEYS[1])
                if kind == 'T' and version < known then return 0 end
                if kind == 'E' or kind == 'F' then
                    if version < known or (version == known and fresh <= known_fresh) then return 0 end
                end
                redis.call('SET', KEYS[1], string.format('%s%016.0f%016.0f', ARGV[5], version, fresh) .. ARGV[7], 'PX', ARGV[6])
                return 1
                """
        case .invalidate:
            // ARGV: lifetime of a tombstone, then a version per key. Returns how many keys were stale or unknown.
            RedisScript.stored + """
                local changed = 0
                for i, key in ipairs(KEYS) do
                    local floor = tonumber(ARGV[i + 1])
                    local kind, known = stored(key)
                    if not kind or known < floor then
                        redis.call('SET', key, string.format('T%016.0f%016.0f', floor, 0), 'PX', ARGV[1])
                        changed = changed + 1
                    end
                end
                return changed
                """
        case .take:
            // ARGV: tokens, period, burst, cost, the caller's time or -1, milliseconds to keep what is paid back. The arithmetic is RateLimitBucket's. Returns
            // whether it is allowed, what remains, when all is back, when to try again (-1: never, or no need to).
            RedisScript.clock + """
                local tokens, per, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
                local now = tonumber(ARGV[5])
                if now < 0 then now = clock() end
                local debt, at = 0, now
                local text = redis.call('GET', KEYS[1])
                if text then
                    local d, a = string.match(text, '^(%d+) (%d+)$')
                    if d then debt, at = tonumber(d), tonumber(a) end
                end
                if now > at then
                    if now - at >= math.ceil(debt / tokens) then debt = 0 else debt = debt - (now - at) * tokens end
                    at = now
                end
                local highest = burst * per
                if debt > highest then debt = highest end
                local allowed, again = 0, -1
                if cost <= burst then
                    local excess = debt + cost * per - highest
                    if excess <= 0 then
                        allowed = 1
                        debt = debt + cost * per
                        if cost > 0 then
                            local keep = math.ceil(debt / tokens) + tonumber(ARGV[6])
                            redis.call('SET', KEYS[1], string.format('%.0f %.0f', debt, at), 'PX', string.format('%.0f', keep))
                        end
                    else
                        again = math.ceil(excess / tokens)
                    end
                end
                return {allowed, math.floor((highest - debt) / per), math.ceil(debt / tokens), again}
                """
        }
    }

    /// Milliseconds by the server's clock.
    private static let clock = """
        local function clock()
            local time = redis.call('TIME')
            return time[1] * 1000 + math.floor(time[2] / 1000)
        end

        """

    /// Kind, version and end of freshness of what a key holds; nothing for a key that is not there, or is not ours to read.
    private static let stored = """
        local function stored(key)
            local head = redis.call('GETRANGE', key, 0, 32)
            local kind, version, fresh = string.match(head, '^([EFT])(%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d)(%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d)$')
            if not kind then return nil end
            return kind, tonumber(version), tonumber(fresh)
        end

        """
}
