// The worker of old, which takes jobs and never ends with them, or fails with each: `node worker.cjs PORT NAME
// CONCURRENCY LOCK [fails]`. It prints the id of each job that it has begun.

const { Worker } = require("bullmq");

const [port, name, concurrency, lockDuration, fails] = process.argv.slice(2);
new Worker(
  name,
  (job) => {
    process.stdout.write(`${job.id}\n`);
    if (fails) throw new Error("away");
    return new Promise(() => {});
  },
  {
    connection: { host: "127.0.0.1", port: Number(port), maxRetriesPerRequest: null },
    concurrency: Number(concurrency),
    lockDuration: Number(lockDuration),
  },
);
