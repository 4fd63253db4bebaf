// The API's side of a BullMQ queue. A line of JSON comes in for everything it is to do, and one goes out with what came
// of it: `node producer.cjs`, with NODE_PATH where bullmq is installed.

const { createInterface } = require("node:readline");
const { Queue } = require("bullmq");

const queues = new Map();

function queue({ port, name, prefix }) {
  const key = `${port}/${prefix}/${name}`;
  if (!queues.has(key)) queues.set(key, new Queue(name, { connection: { host: "127.0.0.1", port }, prefix }));
  return queues.get(key);
}

const does = {
  // as the API does: one after the other
  async add(queue, { jobs }) {
    const ids = [];
    for (const [data, options] of jobs) ids.push((await queue.add("message", data, options)).id);
    return ids;
  },
  async addBulk(queue, { jobs }) {
    const added = await queue.addBulk(jobs.map(([data, opts]) => ({ name: "message", data, opts })));
    return added.map((job) => job.id);
  },
  counts: (queue) => queue.getJobCounts(),
  async failed(queue) {
    const jobs = await queue.getFailed();
    return jobs.map((job) => [job.id, job.failedReason, job.data]);
  },
  retryFailed: (queue) => queue.retryJobs({ state: "failed" }),
  schedule: (queue, { every, limit, data }) => queue.upsertJobScheduler("repeated", { every, limit }, { name: "message", data }),
  pause: (queue) => queue.pause(),
  resume: (queue) => queue.resume(),
  limit: (queue, { max, duration }) => queue.setGlobalRateLimit(max, duration),
  async forget(queue) {
    await queue.close();
    for (const [key, one] of queues) if (one === queue) queues.delete(key);
  },
};

async function main() {
  for await (const line of createInterface({ input: process.stdin })) {
    const told = JSON.parse(line);
    try {
      process.stdout.write(`${JSON.stringify({ result: (await does[told.do](queue(told), told)) ?? null })}\n`);
    } catch (error) {
      process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
    }
  }
  process.exit(0);
}

main();
