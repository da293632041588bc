#!/usr/bin/env node
// `exec COMMAND ARGUMENT...` for npm scripts on Windows, where the shell has no such word of its own. Elsewhere the shell
// becomes the command, so that npm's signals reach it: dash would die of them and leave the command behind.
import { spawn } from 'node:child_process';

const [command, ...args] = process.argv.slice(2);
// Ctrl-C reaches the command as well, which ends in its own time.
process.on('SIGINT', () => {});
spawn(command, args, { stdio: 'inherit' }).on('exit', (code) => {
  process.exitCode = code ?? 1;
});
