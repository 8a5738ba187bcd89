// What Medusa's own starter says, less what this comparison does not use: no Redis, so sessions, events and the cache are kept in
// memory; no admin pages. The addresses come from bench/peer.
module.exports = {
  projectConfig: {
    database_url: process.env.DATABASE_URL,
    jwt_secret: process.env.JWT_SECRET,
    cookie_secret: process.env.COOKIE_SECRET,
    store_cors: "http://localhost:8000",
    admin_cors: "http://localhost:7000",
  },
  modules: {
    eventBus: { resolve: "@medusajs/event-bus-local" },
    cacheService: { resolve: "@medusajs/cache-inmemory", options: { ttl: 30 } },
  },
  plugins: [],
}
