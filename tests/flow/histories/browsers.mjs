// Browsers of a history, in one Node process for any number of histories: a request and an answer per line.
// usage: node browsers.mjs FRONTEND
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [frontend] = process.argv.slice(2)
const require = createRequire(frontend + '/package.json')
const { createServer } = await import(pathToFileURL(require.resolve('vite')).href.replace('index.cjs', 'index.js'))

// Ids of new nodes come out the same whenever a history is played again.
let state = 1
globalThis.crypto.getRandomValues = (bytes) => {
  for (let at = 0; at < bytes.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

const vite = await createServer({
  root: frontend, configFile: false, logLevel: 'error', appType: 'custom',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true }
})
const { ReplayedPerson, ports } = await vite.ssrLoadModule('/src/flow-core/replaying.ts')
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'))
const text = (update) => Buffer.from(update).toString('base64')

let people = []
const answers = {
  hello: () => ports(),
  start: ({ people: wanted, seed }) => { state = seed; people = wanted.map((person) => new ReplayedPerson(person)) },
  act: ({ who, step, at }) => people[who].act(step, at).map(text),
  take: ({ who, updates }) => updates.forEach((update) => people[who].take(bytes(update))),
  lacking: ({ who, vector }) => text(people[who].lacking(bytes(vector))),
  vector: ({ who }) => text(people[who].vector()),
  end: ({ who }) => people[who].end()
}

const say = (answer) => process.stdout.write(JSON.stringify(answer ?? null) + '\n')
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line)
  try {
    say({ answer: answers[request.ask](request) })
  } catch (error) {
    say({ error: String(error.stack ?? error) })
  }
}
await vite.close()
