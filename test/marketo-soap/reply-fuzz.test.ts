import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { XmlDocument } from 'libxml2-wasm';
import { expect, test } from 'vitest';
import { decodeXml } from '../../src/marketo-soap/xml-encoding.ts';
import { readSyncLeadReply, type SyncLeadReply } from '../../src/marketo-soap/reply.ts';
import { generatedAnswer, mutatedAnswer, randomBytes, randomFrom } from './answer-fuzz.ts';
import { FUZZ_ROUNDS, FUZZ_SEED } from '../support/fuzz.ts';

const UNCHECKED_RUNS = Math.ceil(FUZZ_ROUNDS * 0.3);
/** One refusal in this many is checked with libxml2 as well. */
const REFUSALS_CHECKED = 10;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('whatever bytes come, the reader says one of four things, and libxml2 agrees', () => {
  const random = randomFrom(FUZZ_SEED);
  const kinds: Record<string, number> = {};
  let refused = 0;
  let heapBefore = 0;
  for (let run = 0; run < FUZZ_ROUNDS; run += 1) {
    // From here on without libxml2, which keeps some memory of its own.
    if (run === FUZZ_ROUNDS - UNCHECKED_RUNS) heapBefore = heapUsed();
    const source = SOURCES[run % SOURCES.length] ?? randomBytes;
    const bytes = source(random);
    try {
      const reply = readSyncLeadReply(bytes, undefined);
      kinds[reply.kind] = (kinds[reply.kind] ?? 0) + 1;
      if (heapBefore === 0) check(reply, bytes, () => (refused += 1) % REFUSALS_CHECKED === 0);
    } catch (cause) {
      throw new Error(`run ${run} of seed ${FUZZ_SEED}, bytes in base64: ${bytes.toString('base64')}`, {
        cause,
      });
    }
  }
  const heapAfter = heapUsed();
  // oxlint-disable-next-line no-console -- the figures of the run
  console.log(
    `${FUZZ_ROUNDS} answers read (seed ${FUZZ_SEED}): ${JSON.stringify(kinds)}; heap before and after the last ${UNCHECKED_RUNS}: ${megabytes(heapBefore)} and ${megabytes(heapAfter)} MB`,
  );
  expect(Object.keys(kinds).toSorted()).toEqual(['fault', 'rejected', 'stored', 'unreadable']);
  expect(heapAfter - heapBefore).toBeLessThan(1_000_000);
});

const SOURCES = [randomBytes, mutatedAnswer, mutatedAnswer, generatedAnswer, generatedAnswer];

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function check(reply: SyncLeadReply, bytes: Buffer, isCheckedRefusal: () => boolean): void {
  if (reply.kind === 'unreadable') {
    expect(reply.reason).toMatch(/^(?:is|has|names|does) /);
    if (reply.reason === 'is not well-formed XML' && isCheckedRefusal()) {
      expect(second(bytes, () => 'reads it as well-formed')).not.toBe('reads it as well-formed');
    }
  } else if (reply.kind === 'stored') {
    const expected = [[reply.status], [reply.leadId], 1];
    expect([expected, 'is not sure']).toContainEqual(second(bytes, whatMattersIn));
  }
}

/** What says that a lead is stored, found by another's XPath. */
function whatMattersIn(document: XmlDocument): unknown {
  const texts = (path: string) => document.find(path).map((node) => node.content.trim());
  const result = "/*/*/*[local-name()='successSyncLead']/*[local-name()='result']";
  return [
    texts(`${result}/*[local-name()='syncStatus']/*[local-name()='status']`),
    texts(`${result}/*[local-name()='leadId']`).map(Number),
    texts("/*/*[local-name()='Body']/*").length,
  ];
}

/**
 * Where libxml2 is stricter than our parser and nothing of it is read: a namespace's name that is no URI (which the
 * standard allows), and `<?target?rest?>`.
 */
const HARMLESS = /is not a valid URI|is not absolute|PI \S+ space expected/;

/**
 * What we refuse and libxml2 does not: a declaration of version "1." or of an encoding with an invalid name, and two
 * characters in a name that our parser takes for blanks.
 */
const OURS_ALONE = /^<\?xml [^>]*(?:["']1\.["']|encoding\s*=\s*["'][^A-Za-z])|[\uFEFF\u1680]/;

/** A second opinion: libxml2's. It gets the text in UTF-8, since it knows neither Content-Type nor other encodings. */
function second(bytes: Buffer, read: (document: XmlDocument) => unknown): unknown {
  const decoded = decodeXml(bytes, undefined);
  if (OURS_ALONE.test(decoded)) return 'is not sure';
  const text = decoded.replace(/^(<\?xml [^>]*?encoding\s*=\s*["'])[\w.-]+/, '$1UTF-8');
  let document: XmlDocument | undefined;
  try {
    document = XmlDocument.fromString(text);
    return read(document);
  } catch (error) {
    return HARMLESS.test(String(error)) ? 'is not sure' : `refuses it: ${String(error)}`;
  } finally {
    document?.dispose();
  }
}
