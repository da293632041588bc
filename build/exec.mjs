#!/usr/bin/env node
// `exec COMMAND ARGUMENT...` for npm scripts on Windows, where the shell has no such builtin. Elsewhere the shell becomes
// the command, so that npm's signals reach it: dash would die of them and leave the command running.
import { spawn } from 'node:child_process';

const [command, ...args] = process.argv.slice(2);
// Ctrl-C reaches the command as well, which shuts down by itself.
process.on('SIGINT', () => {});
spawn(command, args, { stdio: 'inherit' }).on('exit', (code) => {
  process.exitCode = code ?? 1;
});
