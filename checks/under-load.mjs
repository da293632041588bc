// Runs a command while every core has something else to do for the whole time:
//
//   node checks/under-load.mjs npm test
//
// Ends with the exit code of the command.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

// It ends by itself when the one that started it is gone.
const BUSY = `
  while (process.ppid === ${process.pid}) {
    const untilMs = Date.now() + 100;
    while (Date.now() < untilMs);
  }`;

const [program, ...args] = process.argv.slice(2);
const busy = Array.from({ length: availableParallelism() }, () => spawn(process.execPath, ['--eval', BUSY]));
const command = spawn(program, args, { stdio: 'inherit' });
command.on('error', (error) => console.error(error.message));
command.on('close', (code) => {
  for (const one of busy) one.kill('SIGKILL');
  process.exit(code ?? 1);
});
