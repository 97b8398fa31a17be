// The service worker: after the first visit the page works without a network. sw-plugin.ts fills in the names.

const files = __FILES__
const cacheName = `9ml-${__VERSION__}`
/** What is fetched at once. */
const BATCH = 8

self.addEventListener('install', ev => {
  ev.waitUntil(
    (async () => {
      const cache = await caches.open(cacheName)
      for (let i = 0; i < files.length; i += BATCH)
        await Promise.all(
          files.slice(i, i + BATCH).map(async file => {
            // What an older version has by the same name is the same.
            const had = file === './' ? undefined : await caches.match(file)
            if (had) await cache.put(file, had)
            else await cache.add(file)
          }),
        )
      await self.skipWaiting()
    })(),
  )
})

self.addEventListener('activate', ev => {
  ev.waitUntil(
    (async () => {
      for (const name of await caches.keys())
        if (name.startsWith('9ml-') && name !== cacheName) await caches.delete(name)
      await self.clients.claim()
    })(),
  )
})

self.addEventListener('fetch', ev => {
  const { request } = ev
  const url = new URL(request.url)
  const scope = new URL(self.registration.scope)
  if (request.method !== 'GET' || request.headers.has('range') || url.origin !== scope.origin) return
  if (!url.pathname.startsWith(scope.pathname)) return
  if (request.mode === 'navigate') {
    // The newest there is; the one that was kept where there is no network.
    ev.respondWith(fetch(request).catch(async () => (await caches.match('./')) ?? Response.error()))
    return
  }
  const name = url.pathname.slice(scope.pathname.length)
  if (!files.includes(name)) return
  ev.respondWith(caches.match(request, { ignoreSearch: true }).then(had => had ?? fetch(request)))
})
