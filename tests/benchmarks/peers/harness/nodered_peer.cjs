// Node-RED, embedded: a chain of 100 change nodes, and 100 of them side by side that meet in a join.
const fs = require('node:fs')
const http = require('node:http')
const os = require('node:os')
const path = require('node:path')
const RED = require('node-red')

const NODES = 100
const ROUNDS = 9
const MESSAGES = 100
const tab = 'aaaaaaaaaaaaaaaa'
const rules = { rules: [{ t: 'set', p: 'n', pt: 'msg', to: '1', tot: 'num' }] }
const flows = [{ id: tab, type: 'tab', label: 'peer' }]

function add(type, id, to, more = {}) {
  flows.push({ id, type, z: tab, x: 0, y: 0, wires: [to], ...more })
}

for (let i = 0; i < NODES; i++) add('change', `c${i}`, [i + 1 < NODES ? `c${i + 1}` : 'end'], rules)
add('change', 'split', Array.from({ length: NODES }, (_, i) => `b${i}`), rules)
for (let i = 0; i < NODES; i++) add('change', `b${i}`, ['join'], rules)
add('join', 'join', ['end'], {
  mode: 'custom', build: 'array', property: 'payload', propertyType: 'msg', joinerType: 'str', joiner: '',
  count: String(NODES), timeout: '', accumulate: false, useparts: false,
})
add('function', 'end', [], { func: "global.get('ended')(); return null", outputs: 1, libs: [] })

let ended = () => {}
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'node-red-'))
fs.writeFileSync(path.join(home, 'flows.json'), JSON.stringify(flows))
const server = http.createServer()
RED.init(server, {
  userDir: home,
  flowFile: 'flows.json',
  httpAdminRoot: false,
  httpNodeRoot: false,
  logging: { console: { level: 'off' } },
  functionGlobalContext: { ended: () => ended() },
  telemetry: { enabled: false },
})

const once = (id) =>
  new Promise((resolve) => {
    ended = resolve
    RED.nodes.getNode(id).receive({ payload: 1 })
  })

async function measure(id, hops) {
  for (let i = 0; i < 300; i++) await once(id)
  const times = []
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.hrtime.bigint()
    for (let i = 0; i < MESSAGES; i++) await once(id)
    times.push(Number(process.hrtime.bigint() - began) / 1e3 / MESSAGES / hops)
  }
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]
}

async function main() {
  await RED.start()
  while (!RED.nodes.getNode('end')) await new Promise((resolve) => setTimeout(resolve, 10))
  const found = { chain: await measure('c0', NODES), fan: await measure('split', NODES + 2) }
  console.log(JSON.stringify({ version: RED.version(), us_per_node: found }))
  fs.rmSync(home, { recursive: true, force: true })
  process.exit(0)
}

main()
