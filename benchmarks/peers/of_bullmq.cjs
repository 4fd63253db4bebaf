'use strict'
// npm bullmq, as speech.py says. $PEERS is the folder with node_modules.
const { createRequire } = require('node:module')
const { Queue, Worker } = createRequire(`${process.env.PEERS}/package.json`)('bullmq')

const [what, url, size, count, rate] = process.argv.slice(2)
const [lanes, jobs] = [Number(size), Number(count)]
const { hostname, port } = new URL(url)
const connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
const options = { attempts: 3, backoff: { type: 'exponential', delay: 2000 }, removeOnComplete: true }
const WARM = 20
const BATCH = 1000

// CLOCK_MONOTONIC, which all processes of a machine share
const now = () => Number(process.hrtime.bigint()) / 1e9
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000))

function job (number, timed) {
  const id = `3EB0${number.toString(16).toUpperCase().padStart(12, '0')}`
  const key = { remoteJid: `5511${900000000 + number % lanes}@s.whatsapp.net`, fromMe: false, id }
  const message = { key, message: { conversation: 'Oi! Tem horário amanhã de manhã?' }, pushName: 'Cliente' }
  const said = { organizationId: 'shop', instanceId: 'main', message }
  return timed ? { ...said, at: now() } : said
}

async function put () {
  const queue = new Queue('bench', { connection })
  if (rate) {
    for (let number = 0; number < jobs; number++) {
      await queue.add('message', job(WARM + number, true), options)
      await sleep(1 / Number(rate))
    }
  } else {
    for (let start = 0; start < jobs; start += BATCH) {
      const some = Array.from({ length: Math.min(BATCH, jobs - start) }, (_, place) => start + place)
      await queue.addBulk(some.map((number) => ({ name: 'message', data: job(number), opts: options })))
    }
  }
  await queue.close()
}

function work () {
  let left = jobs
  let began
  const seen = new Set()
  const waited = []
  const handle = async ({ data }) => {
    if (!began) {
      began = [now(), process.cpuUsage()]
      console.log('first')
    }
    if (data.at) waited.push(now() - data.at)
    seen.add(data.message.key.id)
    if (--left) return
    const { user, system } = process.cpuUsage(began[1])
    const told = { seconds: now() - began[0], cpu: (user + system) / 1e6, different: seen.size }
    console.log(JSON.stringify({ ...told, waited }))
    setTimeout(() => process.exit(0), 300)
  }
  new Worker('bench', handle, { connection, concurrency: lanes })
}

if (what === 'work') work()
else put()
