import { z } from 'zod';
import { isOrigin } from '../http/access/key-file.ts';
import { isCarriable } from '../leads/text.ts';
import { isLoopback } from './hosts.ts';

/** The kinds of values that variables have: what a text must be, and what is made of it. */

export const wholeNumber = (min: number, max: number) => {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,10}$/, { error })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error });
};

export const integer = (min: number, max: number, fallback: number) =>
  wholeNumber(min, max).default(fallback);

export const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .default('false')
  .transform((value) => value === 'true');

export const carriable = z.string().refine(isCarriable, { error: 'holds a character that XML cannot carry' });

export const logLevel = z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
  error: 'must be one of trace, debug, info, warn, error, fatal, silent',
});

export const endpoint = z.string().transform((value, context) => {
  const complain = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(value)) return complain('must be a URL');
  const url = new URL(value);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return complain('must be an https: URL');
  if (url.username !== '' || url.password !== '') return complain('must not hold a user name or a password');
  if (/^\?wsdl$/i.test(url.search)) return complain('must be the endpoint itself, without ?WSDL');
  url.hash = '';
  return url;
});

export const publicUrl = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (isWeb && url.href === url.origin + url.pathname) return url.href.replace(/\/+$/, '');
  context.addIssue({
    code: 'custom',
    message: 'must be a URL such as https://leads.example.com, without a user, a query or a fragment',
  });
  return z.NEVER;
});

export const jwksUrl = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url;
  context.addIssue({ code: 'custom', message: 'must be an https: URL (http: only to a loopback host)' });
  return z.NEVER;
});

const SHARE_ERROR = 'must be a number over 0 up to 1, such as 0.25';

export const redisUrl = z.string().refine((value) => /^rediss?:\/\/./.test(value) && URL.canParse(value), {
  error: 'must be a URL such as redis://host:6379',
});

export const replicaShare = z
  .string()
  .regex(/^(?:0?\.\d{1,6}|1(?:\.0{1,6})?)$/, { error: SHARE_ERROR })
  .transform(Number)
  .refine((value) => value > 0, { error: SHARE_ERROR });

export const origins = z.string().transform((value, context) => {
  const list = value.split(',').map((origin) => origin.trim());
  if (list.every(isOrigin)) return list;
  context.addIssue({
    code: 'custom',
    message:
      'must be origins such as https://www.example.com with commas between them, in lower case, without paths',
  });
  return z.NEVER;
});
