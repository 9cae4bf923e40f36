import Gateway
import Logging
import Resilience

#if ENGINE_REDIS
    import CacheRedis
#endif

extension EngineRoom {
    /// What limits how fast callers may ask, and what ends it.
    struct RateLimiting: Sendable {
        let limits: RequestLimits
        let close: @Sendable () async -> Void
    }

    /// What counts requests; nil where nobody is limited.
    /// - Throws: ``PlatformError``.
    func rateLimiting() throws -> RateLimiting? {
        let settings = configuration.rateLimits
        switch settings.store {
        case .none: return nil
        case .memory: return RateLimiting(limits: RequestLimits(settings.limits, store: MemoryRateLimitStore())) {}
        case .redis(let url):
            #if ENGINE_REDIS
                let client = RedisClient(try RedisConfiguration(url: url.value), logger: logger)
                return RateLimiting(limits: RequestLimits(settings.limits, store: RedisRateLimitStore(client))) { await client.close() }
            #else
                throw EngineRoom.lacks("redis")
            #endif
        }
    }
}
